/* border_test.c: what authors see of each primitive: results, wrong arguments, wrong contexts. Each case is one Lua
 * expression that runs in a ROUTE task of a real server; its outcome is compared as text. */
#include "script/rig_int.h"

static const char boot_head[] = "local function show(ok, ...)\n"
                                "  local v, err = ...\n"
                                "  if not ok then return 'throws ' .. tostring(v) end\n"
                                "  if v == nil and err ~= nil then return 'nil, ' .. tostring(err) end\n"
                                "  if type(v) == 'table' then return gifd.json.encode(v) end\n"
                                "  return tostring(v)\n"
                                "end\n"
                                "local cases = {\n";
static const char boot_tail[] =
    "}\n"
    "return function(settings)\n"
    "  return { routes = { { method = 'GET', pattern = '/{n}' } }, handle = function(_, req)\n"
    "    return { body = show(pcall(cases[tonumber(req.params.n)])) }\n"
    "  end }\n"
    "end\n";

struct border_case {
    const char *lua, *want; /* want "~text": only has to contain it */
};

static const struct border_case cases[] = {
    /* err, try, catch */
    {"tostring(gifd.err('busy', { message = 'later', after = 3 }))", "busy: later"},
    {"gifd.err('busy').retryable", "true"},
    {"gifd.err('busy', { retryable = false }).retryable", "false"},
    {"gifd.err('nonsense')", "~gifd.err: argument 1 (code): \"nonsense\" is no error code"},
    {"gifd.err()", "~gifd.err: argument 1 (code): must be a string, not a no value"},
    {"gifd.try(1, nil)", "1"},
    {"gifd.try(false, 'x')", "false"},
    {"gifd.try(nil, gifd.err('timeout', { message = 'm' }))", "throws timeout: m"},
    {"gifd.catch(function() return 5 end)", "5"},
    {"gifd.catch(function() error('bad') end)", "~nil, script: "},
    {"gifd.catch(function() gifd.try(nil, gifd.err('denied', { message = 'no' })) end)", "nil, denied: no"},
    {"gifd.catch(function() gifd.time.sleep(0.001) return 'slept' end)", "slept"},
    {"pcall(function() gifd.time.sleep(0.001) end)", "true"},
    /* json */
    {"gifd.json.encode({ b = 1, a = { 1, 2.5, gifd.null, true } })", "{\"a\":[1,2.5,null,true],\"b\":1}"},
    {"gifd.json.encode({})", "{}"},
    {"gifd.json.encode(gifd.json.array({}))", "[]"},
    {"gifd.json.encode(gifd.json.decode('[]'))", "[]"},
    {"gifd.json.encode(gifd.json.decode('{\"x\":[],\"y\":null,\"z\":-1.25e2}'))", "{\"x\":[],\"y\":null,\"z\":-125}"},
    {"gifd.json.decode('{') ", "~nil, invalid: "},
    {"gifd.json.decode('[1,2,3]', { max = 3 })", "~nil, too_large"},
    {"gifd.json.decode(1)", "~gifd.json.decode: argument 1 (text): must be a string, not a number"},
    {"gifd.json.encode(print)", "~global \"print\" does not exist"},
    {"gifd.json.encode(pcall)", "~gifd.json.encode: argument 1 (value): a function has no form in JSON"},
    {"gifd.json.encode(0/0)", "~not finite"},
    {"(function() local t = {} t.t = t return gifd.json.encode(t) end)()", "~a cycle"},
    {"gifd.json.encode({ 1, x = 2 })", "~an array has holes or names"},
    {"gifd.json.is_array(gifd.json.decode('[1]')) and not gifd.json.is_array({ 1 })", "true"},
    {"gifd.json.array(1)", "~gifd.json.array: argument 1 (list): must be a table"},
    {"gifd.json.encode(9007199254740991)", "9007199254740991"},
    /* crypto */
    {"gifd.crypto.sha256('abc')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"gifd.crypto.hex(gifd.crypto.hmac('key', 'The quick brown fox jumps over the lazy dog'))",
     "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"},
    {"gifd.crypto.equal('a', 'a') and not gifd.crypto.equal('a', 'b') and not gifd.crypto.equal('a', 'aa')", "true"},
    {"#gifd.crypto.random(33)", "33"},
    {"gifd.crypto.random(0)", "~gifd.crypto.random: argument 1 (n): must be from 1 to 4096"},
    {"gifd.crypto.random(1.5)", "~must be an integer"},
    {"gifd.crypto.code(8):match('^%w%w%w%w%w%w%w%w$') ~= nil", "true"},
    {"gifd.crypto.base64url('\\255\\254a')", "__5h"},
    {"gifd.crypto.base64('\\255\\254a') .. gifd.crypto.base64('ab') .. gifd.crypto.base64('')", "//5hYWI="},
    {"gifd.crypto.base64(('x'):rep(4194305))", "~gifd.crypto.base64: argument 1"},
    {"gifd.crypto.unbase64url('__5h') == '\\255\\254a'", "true"},
    {"gifd.crypto.unbase64url('=')", "~nil, invalid"},
    {"gifd.crypto.sha256({})", "~gifd.crypto.sha256: argument 1 (bytes): must be a string, not a table"},
    {"gifd.crypto.hmac('k')", "~gifd.crypto.hmac: argument 2 (message): must be a string, not a no value"},
    {"gifd.crypto.hex(1)", "~gifd.crypto.hex: argument 1"},
    {"gifd.crypto.equal(1, 2)", "~gifd.crypto.equal: argument 1 (a)"},
    {"gifd.crypto.code('x')", "~gifd.crypto.code: argument 1 (n)"},
    {"gifd.crypto.base64url()", "~gifd.crypto.base64url: argument 1"},
    {"gifd.crypto.unbase64url()", "~gifd.crypto.unbase64url: argument 1"},
    {"gifd.crypto.sign_url('/a/x', { expires = 1893456000 })", "nil, not_found: there is no key that signs"},
    {"gifd.crypto.use_keys({ { kid = 'k1', secret = 'short' } })", "~nil, invalid: a key has 16"},
    {"gifd.crypto.use_keys({ 1 })", "~gifd.crypto.use_keys: argument 1 (keys): keys[1] must be"},
    {"gifd.crypto.use_keys()", "~gifd.crypto.use_keys: argument 1 (keys)"},
    {"gifd.crypto.use_keys({ { kid = 'k1', secret = 'gifd-test-secret', signing = true } })", "true"},
    {"gifd.crypto.sign_url('/a/0123456789abcdef.mp4', { expires = 1893456000 })",
     "/a/0123456789abcdef.mp4?expires=1893456000&kid=k1&signature=PXA85x4MzPJiTEl8ueGSCYfvhE1A7f8wOjH3z5Kh9_s"},
    {"gifd.crypto.verify_url('http://any.example' .. gifd.crypto.sign_url('/a/x', { expires = 1893456000 }))", "true"},
    {"select(2, gifd.crypto.verify_url(gifd.crypto.sign_url('/a/x', { expires = 1893456000, params = { prefix = '/a/x' "
     "} })))",
     "{\"expires\":1893456000,\"kid\":\"k1\",\"prefix\":\"/a/x\"}"},
    {"gifd.crypto.sign_url('/a/x', { expires = 1, params = { w = 3, b = true, a = 'x y' } }):match('^(.-)&signature')",
     "/a/x?expires=1&kid=k1&a=x%20y&b=true&w=3"},
    {"gifd.crypto.verify_url(gifd.crypto.sign_url('/a/x', { expires = 1 }))", "~nil, expired: "},
    {"gifd.crypto.verify_url('/a/x')", "~nil, signature_missing: "},
    {"gifd.crypto.verify_url('/a/x?kid=k1&signature=x')", "~nil, expiration_missing: "},
    {"gifd.crypto.verify_url('/a/x?expires=1&kid=k1&signature=x')", "~nil, signature_invalid: "},
    {"gifd.crypto.verify_url('/a/x?expires=1&expires=2&signature=x')", "~nil, url_malformed: "},
    {"gifd.crypto.verify_url('/a\\0?expires=1&kid=k1&prefix=/a/b&signature=x')", "~nil, url_malformed: "},
    {"gifd.crypto.verify_url('')", "~nil, signature_missing: "},
    {"gifd.crypto.verify_url(1)", "~gifd.crypto.verify_url: argument 1 (target)"},
    {"gifd.crypto.sign_url('/a/x')", "~gifd.crypto.sign_url: argument 2 (options)"},
    {"gifd.crypto.sign_url('/a/x', {})", "~gifd.crypto.sign_url: argument 2 (options): expires is required"},
    {"gifd.crypto.sign_url('/a/x', { expires = 1, params = { {} } })",
     "~params are texts, numbers or booleans by name"},
    {"gifd.crypto.sign_url('/a x', { expires = 1 })", "~nil, invalid: not a path"},
    {"gifd.crypto.sign_url('/a/x', { expires = 1, kid = 'k2' })", "nil, not_found: there is no such key"},
    /* text */
    {"gifd.text.escape_html([[<a href=\"x\">'&]])", "&lt;a href=&quot;x&quot;&gt;&#39;&amp;"},
    {"gifd.text.escape_html('plain')", "plain"},
    {"gifd.text.escape_html('')", ""},
    {"gifd.text.escape_html('`\\0\\t\\r\\n\\11\\31\\127<')",
     "&#96;\xef\xbf\xbd\t\r\n\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd&lt;"},
    {"gifd.text.uri('a b/\\195\\164~')", "a%20b%2F%C3%A4~"},
    {"gifd.text.fold('STRASSE \\195\\132\\206\\163\\208\\150')", "strasse \xc3\xa4\xcf\x83\xd0\xb6"},
    {"gifd.text.length('\\195\\164b')", "2"},
    {"gifd.text.valid_utf8('\\195\\164') and not gifd.text.valid_utf8('\\195') and not "
     "gifd.text.valid_utf8('\\237\\160\\128')",
     "true"},
    {"'[' .. gifd.text.trim(' \\n a b\\t') .. ']'", "[a b]"},
    {"gifd.text.words({ 'Sex', 'graphic violence' }):find('Essex, SEX! Graphic-Violence; graphic design')",
     "[{\"from\":8,\"to\":10,\"word\":\"Sex\"},{\"from\":13,\"to\":28,\"word\":\"graphic violence\"}]"},
    {"gifd.text.words({ 'a b c', 'b c', 'c' }):find('a b c')",
     "[{\"from\":1,\"to\":5,\"word\":\"a b c\"},{\"from\":3,\"to\":5,\"word\":\"b "
     "c\"},{\"from\":5,\"to\":5,\"word\":\"c\"}]"},
    {"gifd.text.words({ 'b d', 'a b c' }):find('a b d')", "[{\"from\":3,\"to\":5,\"word\":\"b d\"}]"},
    {"gifd.text.words({ '\\195\\156bel' }):find('das \\195\\188BEL')", "[{\"from\":5,\"to\":9,\"word\":\"\xc3\x9c"
                                                                       "bel\"}]"},
    {"gifd.text.words({ \"don't\" }):find('I don\\226\\128\\153t')", "[{\"from\":3,\"to\":9,\"word\":\"don't\"}]"},
    {"gifd.text.words({ '...' })", "~gifd.text.words: argument 1 (list): entry 1: \"...\" has no letter"},
    {"gifd.text.words({ 1 })", "~entry 1 is no text"},
    {"gifd.text.words('x')", "~gifd.text.words: argument 1 (list): must be a table"},
    {"#gifd.text.words({ 'x' }):find(('x '):rep(5000))", "1000"},
    {"gifd.text.words({ 'x', 'y' }):find('x y x x y', { each = 2 })",
     "[{\"from\":1,\"to\":1,\"word\":\"x\"},{\"from\":3,\"to\":3,\"word\":\"y\"},"
     "{\"from\":5,\"to\":5,\"word\":\"x\"},{\"from\":9,\"to\":9,\"word\":\"y\"}]"},
    {"gifd.text.words({ 'sex' }):find('sex education, sex', { except = gifd.text.words({ 'sex education' }) })",
     "[{\"from\":16,\"to\":18,\"word\":\"sex\"}]"},
    {"#gifd.text.words({ 'sex' }):find(('sex education, '):rep(3000) .. 's', { except = gifd.text.words({ 'a', 'sex "
     "education' }) })",
     "0"},
    {"gifd.text.words({ 'porn' }, true):find('p0rrrn p.o.r.n', { each = 5 })",
     "[{\"from\":1,\"to\":6,\"word\":\"porn\"},{\"from\":8,\"to\":14,\"word\":\"porn\"}]"},
    {"gifd.text.words({ 'x' }):find('x', { each = 0 })", "~each"},
    {"gifd.text.words({ 'x' }):find('x', { except = 'x' })", "~except"},
    {"gifd.text.words({ 'x' }):find('x', { except = gifd.text.words({ 'x' }, true) })", "~reads texts in another way"},
    {"gifd.text.escape_html(nil)", "~gifd.text.escape_html: argument 1"},
    {"gifd.text.uri({})", "~gifd.text.uri: argument 1"},
    {"gifd.text.fold()", "~gifd.text.fold: argument 1"},
    {"gifd.text.length()", "~gifd.text.length: argument 1"},
    {"gifd.text.trim()", "~gifd.text.trim: argument 1"},
    {"gifd.text.valid_utf8()", "~gifd.text.valid_utf8: argument 1"},
    /* time */
    {"math.abs(gifd.time.now() - 1.7e9) < 1e9", "true"},
    {"gifd.time.rfc3339(0)", "1970-01-01T00:00:00Z"},
    {"gifd.time.rfc3339(1700000000.123456, 6)", "2023-11-14T22:13:20.123456Z"},
    {"gifd.time.rfc3339(1, 2)", "~gifd.time.rfc3339: argument 2 (digits): must be 0, 3 or 6"},
    {"gifd.time.rfc3339(-1)", "~gifd.time.rfc3339: argument 1 (seconds): must be from 0 to"},
    {"gifd.time.http_date(784111777)", "Sun, 06 Nov 1994 08:49:37 GMT"},
    {"gifd.time.http_date('x')", "~gifd.time.http_date: argument 1"},
    {"gifd.time.parse('2023-11-14T22:13:20Z')", "1700000000"},
    {"gifd.time.parse('2023-11-14T23:13:20.5+01:00')", "1700000000.5"},
    {"gifd.time.parse('2023-02-29T00:00:00Z')", "nil, invalid: no RFC 3339 time"},
    {"gifd.time.parse(1)", "~gifd.time.parse: argument 1"},
    {"gifd.time.sleep(0.002)", "true"},
    {"gifd.time.sleep(-1)", "~gifd.time.sleep: argument 1 (seconds): must be from 0 to 86400"},
    {"table.sort({ 3, 2, 1 }, function() gifd.time.sleep(0) end)", "~gifd.time.sleep: may not wait inside a C call"},
    /* log */
    {"gifd.log.info()", "~gifd.log.info: argument 1 (event)"},
    {"gifd.log.warn('x', 1)", "~gifd.log.warn: argument 2 (fields): must be a table"},
    {"gifd.log.error('x', { 1 })", "~gifd.log.error: argument 2 (fields): must have names as keys"},
    {"gifd.log.debug('x', { a = 1, b = 'c', d = true, e = 1.5 })", "nil"},
    /* db */
    {"gifd.db.run('INSERT INTO cats(name, weight, kind) VALUES (?1, ?2, ?3)', 'Tom', 4.5, gifd.null)",
     "{\"changes\":1,\"last_id\":1,\"rows\":{}}"},
    {"gifd.db.row('SELECT * FROM cats WHERE name = ?', 'Tom')", "{\"id\":1,\"name\":\"Tom\",\"weight\":4.5}"},
    {"gifd.db.row('SELECT * FROM cats WHERE name = ?', 'Nobody')", "false"},
    {"gifd.db.rows('SELECT 1 AS a, ?1 AS b, ?2 AS c, ?3 AS d', true, nil, 0.5)", "[{\"a\":1,\"b\":1,\"d\":0.5}]"},
    {"gifd.db.rows('SELECT 1 AS a WHERE 0')", "{}"},
    {"gifd.db.rows('SELEKT')", "~nil, "},
    {"gifd.db.rows(1)", "~gifd.db.rows: argument 1 (sql): must be a string, not a number"},
    {"gifd.db.row('SELECT ?', {})", "~gifd.db.row: argument 2 (value): a table is no SQL value"},
    {"gifd.db.run('INSERT INTO cats(name) VALUES (?)', 'Tom')", "~nil, conflict"},
    {"gifd.db.run(nil)", "~gifd.db.run: argument 1 (sql)"},
    {"gifd.db.run('INSERT INTO cats(name) VALUES (?) RETURNING id, name', 'Kit').rows",
     "[{\"id\":2,\"name\":\"Kit\"}]"},
    {"#gifd.db.batch({ { 'INSERT INTO cats(name) VALUES (?)', 'A' }, { 'UPDATE cats SET kind = ?', gifd.null, expect = "
     "3 } })",
     "2"},
    {"gifd.db.batch({ { 'DELETE FROM cats' }, { 'DELETE FROM cats WHERE id = 99', expect = 1 } })", "~nil, conflict"},
    {"gifd.db.row('SELECT count(*) AS n FROM cats').n", "3"},
    {"gifd.db.batch({})", "~gifd.db.batch: argument 1 (batch): must have 1 to 256 statements"},
    {"gifd.db.batch({ { 1 } })", "~statement 1 has no SQL"},
    {"gifd.db.batch({ 1 })", "~statement 1 must be a table"},
    {"gifd.db.row([[WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 300000) SELECT count(*) "
     "AS c FROM n]])",
     "{\"c\":300000}"},
    /* blob */
    {"gifd.blob.stat(('0'):rep(64))", "~nil, not_found"},
    {"gifd.blob.stat('x')", "~gifd.blob.stat: argument 1 (digest): must be 64 lower-case hex digits"},
    {"gifd.blob.read(('0'):rep(64), 0, 2^21)", "~gifd.blob.read: argument 3 (n): must be from 1 to 1048576"},
    {"gifd.blob.drop(('0'):rep(64))", "false"},
    {"gifd.blob.drop(1)", "~gifd.blob.drop: argument 1"},
    {"#gifd.blob.at_rest(0)", "0"},
    {"gifd.blob.at_rest(-1)", "~gifd.blob.at_rest: argument 1"},
    {"gifd.blob.commit({})", "~gifd.blob.commit: argument 1 (draft): must be a draft, not a table"},
    {"gifd.blob.free() > 0", "true"},
    /* media, whose process is not there */
    {"gifd.media.probe(('0'):rep(64))", "~nil, not_found"},
    {"gifd.media.probe(1)", "~gifd.media.probe: argument 1 (what)"},
    {"gifd.media.probe(('0'):rep(64), { deadline = 0 })", "~gifd.media.probe: argument 2 (deadline): must be from"},
    {"gifd.media.render(('0'):rep(64), {})", "~gifd.media.render: argument 2 (recipes): must be 1 to"},
    {"gifd.media.render(('0'):rep(64), { { format = 'bmp' } })", "~format must be"},
    /* fetch, where nothing may be asked */
    {"gifd.fetch { url = 'http://127.0.0.1:1/' }", "~nil, address_refused"},
    {"gifd.fetch { url = 'http://a@b/' }", "~nil, invalid"},
    {"gifd.fetch { url = 'http://a.example/', method = 'get' }", "~nil, invalid"},
    {"gifd.fetch { url = 'http://a.example/', headers = { Host = 'b' } }", "~nil, invalid"},
    {"gifd.fetch({ url = 'http://a.example/' }, { 'b.example' })", "~nil, denied"},
    {"gifd.fetch({ url = 'http://a.example/' }, {})", "~gifd.fetch: argument 2 (hosts): must not be empty"},
    {"gifd.fetch('http://a.example/')", "~gifd.fetch: argument 1 (options): must be a table, not a string"},
    {"gifd.fetch {}", "~gifd.fetch: argument 1 (url): must be a string"},
    {"gifd.fetch { url = 'http://a.example/', retries = 11 }",
     "~gifd.fetch: argument 1 (retries): must be from 0 to 10"},
    {"gifd.fetch { uri = 'http://a.example/' }", "~there is no option \"uri\""},
    {"gifd.all(function() return gifd.fetch { url = 'http://[::1]:1/' } end)", "~nil, address_refused"},
    {"gifd.console.load('x', {})", "~gifd.console.load: not allowed in context route (allowed: command)"},
    /* tally */
    {"gifd.tally.add(7, 3) and gifd.tally.peek(7)[1].count", "3"},
    {"gifd.tally.add(0, 1)", "~gifd.tally.add: argument 1 (key)"},
    {"#gifd.tally.peek(8)", "0"},
    {"gifd.tally.asker(5)", "nil"},
    {"gifd.tally.asker(5000)", "~gifd.tally.asker: argument 1 (number)"},
    {"gifd.tally.peek('x')", "~gifd.tally.peek: argument 1 (id)"},
    {"gifd.tally.list()", "~gifd.tally.list: not allowed in context route (allowed: job, command)"},
    {"gifd.tally.freeze(1, 1)", "~not allowed in context route"},
    {"gifd.tally.free(1)", "~not allowed in context route"},
    /* contexts */
    {"gifd.jobs.wait(1)", "~gifd.jobs.wait: not allowed in context route (allowed: job, command)"},
    {"gifd.jobs.wake()", "false"},
    {"gifd.task.spawn(function() end)", "~gifd.task.spawn: not allowed in context route (allowed: job, command)"},
    {"gifd.console.write('x')", "~gifd.console.write: not allowed in context route (allowed: command, check)"},
    {"gifd.console.error('x')", "~not allowed in context route"},
    {"gifd.console.is_terminal()", "~not allowed in context route"},
    {"gifd.bundle.load('lua/gifd/boot.lua')", "~gifd.bundle.load: not allowed in context route (allowed: load)"},
    {"gifd.bundle.read('note.txt')", "a note"},
    {"gifd.bundle.read('none')", "nil"},
    {"gifd.bundle.list('lua/')", "[\"lua/gifd/boot.lua\"]"},
    {"gifd.bundle.read(1)", "~gifd.bundle.read: argument 1 (name)"},
    {"gifd.bundle.list()", "~gifd.bundle.list: argument 1 (prefix)"},
    {"gifd.health.facts().generation", "1"},
    {"gifd.health.facts().media", "true"},
    {"gifd.server.role .. gifd.server.version .. #gifd.server.urls", "worker1.2.30"},
    {"gifd.request.body(10)", ""},
    {"gifd.request.body('x')", "~gifd.request.body: argument 1 (max): must be a number"},
    {"gifd.request.upload(1)", "~gifd.request.upload: argument 1 (options): must be a table"},
    {"(function() gifd.request.body(1) gifd.request.body(1) end)()",
     "~gifd.request.body: the body was asked for already"},
    /* the environment */
    {"(function() surprise = 1 end)()", "~boot.lua:"},
    {"(function() surprise = 1 end)()", "~global \"surprise\" may not be written"},
    {"surprise", "~global \"surprise\" does not exist"},
    {"io", "~does not exist"},
    {"os", "~does not exist"},
    {"debug", "~does not exist"},
    {"coroutine", "~does not exist"},
    {"jit", "~does not exist"},
    {"loadstring", "~does not exist"},
    {"string.dump", "nil"},
    {"getmetatable('')", "false"},
    {"getmetatable(_G)", "false"},
    {"require('gifd.none')", "~there is no lua/gifd/none.lua"},
    {"require('../etc')", "~is no name of a module"},
    {"bit.band(7, 3)", "3"},
    /* deadline */
    {"gifd.time.deadline(5, function() return 'in time', 2 end)", "in time"},
    {"select(2, gifd.time.deadline(5, function() gifd.time.sleep(0.001) return 'in time', 2 end))", "2"},
    {"gifd.time.deadline(0.005, function() gifd.time.sleep(60) return 'late' end)",
     "nil, timeout: the deadline has passed"},
    {"(function() local seen gifd.time.deadline(0.005, function() gifd.all(function() local _, err = "
     "gifd.time.sleep(60) seen = err.code end) end) gifd.time.sleep(0.01) return seen end)()",
     "cancelled"},
    {"gifd.time.deadline(5, function() return nil, gifd.err('busy') end)", "nil, busy: busy"},
    {"gifd.time.deadline(5, function() error('bad') end)", "~nil, script: "},
    {"gifd.time.deadline(0.005, function() return gifd.time.deadline(60, function() gifd.time.sleep(60) end) end)",
     "nil, timeout: the deadline has passed"},
    {"gifd.any(function() return gifd.time.deadline(60, function() gifd.time.sleep(60) end) end, "
     "function() return 'other' end)",
     "other"},
    {"gifd.time.deadline(-1, function() end)", "~argument 1 (seconds): must be from 0"},
    {"gifd.time.deadline(1)", "~argument 2 (fn): must be a function"},
    /* trace */
    {"#gifd.trace.current().trace_id", "32"},
    {"#gifd.trace.traceparent()", "55"},
    {"(function() local all = gifd.trace.begin('all', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01') "
     "local own = all:ids().span_id "
     "local s = gifd.trace.start('step') local inside = gifd.trace.current() "
     "local child = gifd.all(function() return gifd.trace.current().span_id end) s:finish() s:finish() "
     "local after = gifd.trace.current() return { inside.trace_id, inside.span_id ~= after.span_id, "
     "child == inside.span_id, after.span_id == own, #gifd.trace.traceparent() } end)()",
     "[\"4bf92f3577b34da6a3ce929d0e0e4736\",true,true,true,55]"},
    {"(function() local before = gifd.trace.current().span_id local s = gifd.trace.start('first', { n = 1 }) "
     "local id = s:ids().span_id s:log('x', { y = 'z' }) s:tag { a = true } s:child('c'):finish('wrong') s:finish() "
     "return { #id, before == gifd.trace.current().span_id } end)()",
     "[16,true]"},
    {"gifd.trace.parse('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00')",
     "{\"sampled\":false,\"span_id\":\"00f067aa0ba902b7\",\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\"}"},
    {"gifd.trace.parse('00-x')", "nil, invalid: this is no traceparent"},
    {"gifd.trace.start('')", "~argument 1 (name): must have 1 to 95 bytes"},
    {"gifd.trace.start('a', { ['b c'] = 1 })", "~argument 2 (tags): has a name"},
    /* unuri */
    {"gifd.text.unuri(gifd.text.uri('a b/\\195\\164%+'))", "a b/\xc3\xa4%+"},
    {"gifd.text.unuri('%4')", "nil, invalid: a % without two hexadecimal digits"},
    {"gifd.text.unuri('%zz')", "~nil, invalid"},
    /* jwt, passwords */
    {"gifd.crypto.jwt_verify(gifd.crypto.jwt_sign({ sub = 'tom', exp = gifd.time.now() + 60, aud = { 'a', 'b' }, "
     "iss = 'i' }, { alg = 'HS256', key = ('k'):rep(32) }), { alg = 'HS256', key = ('k'):rep(32), audience = 'b', "
     "issuer = 'i' }).sub",
     "tom"},
    {"gifd.crypto.jwt_verify(gifd.crypto.jwt_sign({ exp = 1 }, { alg = 'HS256', key = ('k'):rep(32) }), { alg = "
     "'HS256', key = ('k'):rep(32) })",
     "nil, expired: the token has expired"},
    {"gifd.crypto.jwt_verify(gifd.crypto.jwt_sign({ exp = gifd.time.now() - 5 }, { alg = 'HS256', key = ('k'):rep(32) "
     "}), { alg = 'HS256', key = ('k'):rep(32), leeway = 60 }) ~= nil",
     "true"},
    {"gifd.crypto.jwt_verify(gifd.crypto.jwt_sign({ nbf = gifd.time.now() + 60 }, { alg = 'HS256', key = ('k'):rep(32) "
     "}), { alg = 'HS256', key = ('k'):rep(32) })",
     "nil, denied: the token is not valid yet"},
    {"gifd.crypto.jwt_verify(gifd.crypto.jwt_sign({ exp = 'soon' }, { alg = 'HS256', key = ('k'):rep(32) }), { alg = "
     "'HS256', key = ('k'):rep(32) })",
     "nil, invalid: exp or nbf is no time"},
    {"gifd.crypto.jwt_verify(gifd.crypto.jwt_sign({ aud = 'x' }, { alg = 'HS256', key = ('k'):rep(32) }), { alg = "
     "'HS256', key = ('k'):rep(32), audience = 'y' })",
     "nil, denied: the token is for another audience"},
    {"gifd.crypto.jwt_verify(gifd.crypto.jwt_sign({ 1, 2 }, { alg = 'HS256', key = ('k'):rep(32) }), { alg = 'HS256', "
     "key = ('k'):rep(32), issuer = 'y' })",
     "nil, denied: the token is of another issuer"},
    {"gifd.crypto.jwt_verify('a.b.c', { alg = 'HS256', key = ('k'):rep(32) })", "~nil, invalid: "},
    {"gifd.crypto.jwt_verify('a.b.c', { key = 'k' })", "~argument 2 (options): alg is required"},
    {"gifd.crypto.jwt_verify('a.b.c', { alg = 'none', key = 'k' })", "~alg must be HS256, RS256, ES256 or EdDSA"},
    {"gifd.crypto.jwt_sign({}, { alg = 'RS256', key = 'k' })", "~only HS256 signs"},
    {"gifd.crypto.jwt_sign({}, { alg = 'HS256', key = 'k' })", "~a secret has 16 bytes at least"},
    {"gifd.crypto.ed25519_verify('k', 'm', 's')", "false"},
    {"(function() local kept = gifd.crypto.password_hash('secret') return { gifd.all(function() return "
     "gifd.crypto.password_verify('secret', kept) end, function() return gifd.crypto.password_verify('Secret', kept) "
     "end) } end)()",
     "[true,false]"},
    {"gifd.any(function() return gifd.crypto.password_hash('a') end, function() return gifd.crypto.password_hash('b') "
     "end, function() return 'first' end)",
     "first"},
    {"gifd.crypto.password_verify('a', 'b')", "~nil, invalid: this is nothing"},
    {"gifd.crypto.password_hash(('a'):rep(1025))", "~argument 1 (password): must have at most 1024 bytes"},
    {"gifd.crypto.password_hash()", "~argument 1 (password): must be a string"},
    {"(function() local n = 0 local tasks = {} for i = 1, 64 do tasks[i] = function() local _, err = "
     "gifd.crypto.password_hash('x') return nil, err end end "
     "tasks[64] = function() gifd.time.sleep(0.001) return 'enough' end return gifd.any(unpack(tasks)) end)()",
     "enough"},
    /* metric */
    {"(function() gifd.metric.counter('c_total', { a = 1, b = true }):add() "
     "gifd.metric.counter('c_total', { b = 'true', a = '1' }):add(4) "
     "for _, s in ipairs(gifd.metric.list()) do if s.name == 'c_total' then return s end end end)()",
     "{\"kind\":\"counter\",\"labels\":{\"a\":\"1\",\"b\":\"true\"},\"name\":\"c_total\","
     "\"series\":\"c_total{a=\\\"1\\\",b=\\\"true\\\"}\",\"value\":5}"},
    {"(function() local g = gifd.metric.gauge('g') g:set(2.5) g:add(-1) g:add() "
     "for _, s in ipairs(gifd.metric.list()) do if s.name == 'g' then return s.value end end end)()",
     "2.5"},
    {"(function() local h = gifd.metric.histogram('h', { path = 'a\"\\\\n\\n' }) h:observe(0.5) h:observe(3) "
     "for _, s in ipairs(gifd.metric.list()) do if s.name == 'h' then "
     "return s.count .. ' ' .. s.sum .. ' ' .. #s.buckets .. ' ' .. s.buckets[1].le .. ' ' .. "
     "tostring(s.labels.path == 'a\"\\\\n\\n') end end end)()",
     "2 3.5 2 0.5 true"},
    {"gifd.metric.counter('c_total', { a = 1 }):add(-1)", "~must be from 0"},
    {"gifd.metric.counter('c-total')", "~gifd.metric.counter: a metric's name is made of letters"},
    {"gifd.metric.gauge('c_total')", "~is of another kind"},
    {"gifd.metric.counter('x', { le = 1 })", "~is no label"},
    {"gifd.metric.counter('x', { 1 })", "~are texts, numbers or booleans by name"},
    {"gifd.metric.counter('x', 1)", "~argument 2 (labels): must be a table"},
    {"gifd.metric.counter('c_total', { a = 1 }).set", "nil"},
    {"gifd.metric.gauge('g').add(gifd.metric.counter('c_total'))", "~must be a gauge"},
    {"gifd.metric.histogram('h'):observe(0/0)", "~must be from"},
    {"(function() for i = 1, 1000 do gifd.metric.counter('plugin_x_c', { i = i }, 'plugin_x_'):add() end "
     "local n, other = 0, 0 for _, s in ipairs(gifd.metric.list('plugin_x_')) do "
     "n = n + 1 if s.labels.i == 'other' then other = s.value end end return { n, other } end)()",
     "[65,936]"},
    /* bus */
    {"(function() local r = gifd.bus.subscribe('t') gifd.bus.publish('u', 1) gifd.bus.publish('t', { a = { 1 } }) "
     "gifd.bus.publish('t', false) local v, lost = r:next(5) return { v, lost, r:next(5) } end)()",
     "[{\"a\":[1]},0,false,0]"},
    {"(function() local r = gifd.bus.subscribe('w') local v = gifd.all(function() return r:next(5) end, "
     "function() gifd.time.sleep(0.005) return gifd.bus.publish('w', 'woken') end) return v end)()",
     "woken"},
    {"gifd.bus.subscribe('t'):next(0.001)", "~nil, timeout: "},
    {"(function() local r = gifd.bus.subscribe('t') r:close() return r:next(5) end)()", "~nil, closed: "},
    {"(function() local r = gifd.bus.subscribe('t') return select(1, gifd.all(function() local _, err = r:next(5) "
     "return "
     "err.code end, function() gifd.time.sleep(0.001) r:close() end)) end)()",
     "closed"},
    {"(function() local r = gifd.bus.subscribe('t') gifd.any(function() return r:next(60) end, "
     "function() return 'other' end) gifd.bus.publish('t', 'after') return r:next(5) end)()",
     "after"},
    {"(function() local r = gifd.bus.subscribe('t') return gifd.any(function() return r:next(0.01) end, "
     "function() return select(2, pcall(r.next, r, 0.01)) end) end)()",
     "~somebody waits on this reader already"},
    {"(function() local r = gifd.bus.subscribe('s') for i = 1, 70 do gifd.bus.publish('s', i) end "
     "gifd.time.sleep(0.05) "
     "local v, lost = r:next(5) local w, none = r:next(5) return { v, lost, w, none } end)()",
     "[7,6,8,0]"},
    {"gifd.bus.publish('t', ('x'):rep(16385))", "~nil, too_large: "},
    {"gifd.bus.publish('t', ('x'):rep(16382))", "true"},
    {"gifd.bus.publish(('t'):rep(129), 1)", "~argument 1 (topic): must have 1 to 128 bytes"},
    {"gifd.bus.publish('t')", "~argument 2 (value): must not be nil"},
    {"gifd.bus.publish('t', pcall)", "~a function has no form in JSON"},
    {"gifd.bus.subscribe('t'):next(-1)", "~must be from 0"},
    {"(function() local kept = {} for i = 1, 1000 do local r, err = gifd.bus.subscribe('plugin:x:' .. i) "
     "if not r then return i .. ' ' .. err.code end kept[i] = r end end)()",
     "129 busy"},
    /* all, any */
    {"{ gifd.all(function() return 1, 9 end, function() gifd.time.sleep(0.002) return 2 end, function() end) }",
     "[1,2]"},
    {"gifd.all(function() gifd.time.sleep(10) end, function() return nil, gifd.err('denied', { message = 'no' }) end)",
     "nil, denied: no"},
    {"gifd.all(function() error('bad') end)", "~nil, script: "},
    {"gifd.all()", "~takes 1 to 64 functions"},
    {"gifd.all(1)", "~argument 1 (function): must be a function, not a number"},
    {"gifd.any(function() gifd.time.sleep(10) end, function() return 'first', 2 end)", "first"},
    {"select(2, gifd.any(function() return 'first', 2 end))", "2"},
    {"gifd.any(function() return nil, gifd.err('busy') end, function() return nil, gifd.err('timeout') end)",
     "nil, timeout: timeout"},
    {"gifd.all(function() return gifd.all(function() gifd.time.sleep(0.001) return 'deep' end) end)", "deep"},
};

#define CASES (sizeof cases / sizeof *cases)

TEST(each_primitive_answers_authors_as_promised)
{
    struct rig r;
    struct buf boot;
    char target[32];
    buf_init(&boot, 1 << 20);
    buf_puts(&boot, boot_head, NULL);
    for (size_t i = 0; i < CASES; i++) buf_printf(&boot, NULL, "function() return %s end,\n", cases[i].lua);
    buf_puts(&boot, boot_tail, NULL);
    rig_open(&r, "worker", 0, -1);
    rig_serve(&r);
    struct rig_file files[] = {{"lua/gifd/boot.lua", buf_str(&boot)}, {"note.txt", "a note"}};
    rig_live(&r, files, 2);
    int wrong = 0;
    for (size_t i = 0; i < CASES; i++) {
        snprintf(target, sizeof target, "/%zu", i + 1);
        char *answer = rig_get(&r, target);
        const char *body = rig_body(answer), *want = cases[i].want;
        bool right = want[0] == '~' ? strstr(body, want + 1) != NULL : strcmp(body, want) == 0;
        if (rig_status(answer) != 200 || !right) {
            fprintf(stderr, "%s\n  got:  %s\n  want: %s\n", cases[i].lua, body, want);
            wrong++;
        }
        free(answer);
    }
    buf_free(&boot);
    rig_close(&r);
    CHECK(wrong == 0);
}

/* ---- what only commands and background tasks may do: a command tells what it saw by its exit code ---- */

static int exit_code;

static void on_command_done(void *flag, int code)
{
    exit_code = code;
    *(volatile bool *)flag = true;
}

static int run_command(struct rig *r, const char *lua, char *argument)
{
    char boot[2048];
    char *args[] = {argument, NULL};
    struct err e = {0};
    volatile bool done = false;
    snprintf(boot, sizeof boot,
             "return function() return { routes = {}, handle = function() end, commands = { x = function(args) %s end "
             "} } end",
             lua);
    rig_boot(r, boot);
    CHECK(host_command(r->host, "x", 1, args, on_command_done, (void *)&done, &e) == GIFD_OK);
    if (!done) rig_until(r, &done);
    return exit_code;
}

TEST(commands_write_to_the_console_and_wait_for_tasks)
{
    struct rig r;
    rig_open(&r, "command", 0, -1);
    CHECK(run_command(&r,
                      "gifd.console.write('') gifd.console.error('') return gifd.console.is_terminal() and 1 or #args",
                      "a") >= 1);
    CHECK(run_command(&r, "return pcall(gifd.console.write, {}) and 1 or 2", "a") == 2);
    CHECK(run_command(&r,
                      "local h = gifd.task.spawn(function() gifd.time.sleep(0.001) return 40, 2 end) local a, b = "
                      "h:wait() return a + b",
                      "a") == 42);
    CHECK(run_command(&r,
                      "local h = gifd.task.spawn(function() error('bad') end) local ok, err = h:wait() "
                      "return err.code == 'script' and 5 or 6",
                      "a") == 5);
    CHECK(run_command(&r, "return pcall(gifd.task.spawn, 1) and 1 or 2", "a") == 2);
    CHECK(run_command(&r,
                      "local h = gifd.task.spawn(function() return gifd.time.sleep(60) end) h:cancel() "
                      "local ok, err = h:wait() return err.code == 'cancelled' and 3 or 4",
                      "a") == 3);
    CHECK(run_command(&r, "return pcall(gifd.request.body, 1) and 1 or 2", "a") == 2);
    CHECK(run_command(&r,
                      "local began = gifd.time.now() local woken = gifd.jobs.wait(0.02) "
                      "return not woken and gifd.time.now() - began >= 0.019 and 7 or 8",
                      "a") == 7);
    rig_close(&r);
}

/* What the folding task of a role does with a count, slot by slot. */
static const char tally_boot[] =
    "local said = ''\n"
    "return function() return { routes = { { method = 'GET', pattern = '/' } }, handle = function() return { body = "
    "said } end,\n"
    "  roles = { runner = function()\n"
    "    gifd.tally.add(99, 5)\n"
    "    local listing = gifd.tally.list()\n"
    "    local s = listing.slots[1]\n"
    "    said = #listing.epoch .. ' ' .. #listing.slots .. ' ' .. s.key .. ' ' .. s.count .. ' ' .. "
    "tostring(s.frozen)\n"
    "    said = said .. ' ' .. tostring(gifd.tally.freeze(s.slot, 4)) .. ' ' .. tostring(gifd.tally.freeze(s.slot, "
    "5))\n"
    "    gifd.tally.free(s.slot)\n"
    "    said = said .. ' ' .. #gifd.tally.list().slots .. ' ' .. tostring(pcall(gifd.tally.freeze, 'x', 1))\n"
    "  end } } end";

TEST(counts_are_listed_frozen_and_freed)
{
    struct rig r;
    rig_open(&r, "runner", 0, -1);
    rig_serve(&r);
    rig_boot(&r, tally_boot);
    CHECK_GET(&r, "/", 200, "16 1 99 5 false false true 0 false");
    rig_close(&r);
}

static const char media_boot[] =
    "return function() return { routes = { { method = 'POST', pattern = '/' } }, handle = function()\n"
    "  local up = gifd.request.upload({ max = 100 })\n"
    "  local draft = up.files[1].draft\n"
    "  local facts, err = gifd.media.probe(draft, { deadline = 1 })\n"
    "  local made, err2 = gifd.media.render(draft, { { format = 'png', at = 0.5 }, { format = 'mp4' } }, { deadline = "
    "1 })\n"
    "  local digest = gifd.blob.commit(draft)\n"
    "  local again = select(2, pcall(gifd.blob.commit, draft))\n"
    "  return { body = tostring(facts) .. ' ' .. err.code .. ' ' .. tostring(made) .. ' ' .. err2.code .. ' '\n"
    "    .. gifd.blob.stat(digest) .. ' ' .. gifd.blob.read(digest, 1, 3) .. ' ' .. again:match('draft.*') }\n"
    "end } end";

TEST(media_without_its_process_is_busy_and_a_draft_is_spent_by_its_commit)
{
    struct rig r;
    rig_open(&r, "worker", 0, -1);
    rig_serve(&r);
    rig_boot(&r, media_boot);
    char *a = rig_request(&r, "POST", "/", "Content-Type: image/gif\r\n", "GIF89a");
    CHECK(rig_status(a) == 200);
    CHECK_STR(rig_body(a), "nil busy nil busy 6 IF8 draft): was committed already");
    free(a);
    rig_close(&r);
}

TEST_MAIN()
