-- Which certificate a client gets: by its name, by its algorithms, with its OCSP response; and where keys come from.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local certificate = require "certificate"
local cjson = require "cjson"
local posix = require "posix"
local server = require "server"
local setenv = require "posix.stdlib".setenv

local output = server.output

describe("a certificate", function()
  local folder, s, port, authority
  local serials = {}

  local function path(name) return folder .. "/" .. name end

  -- name -> what is done to a good response, and what the log says of it
  local bad = {
    error = { function() return "x" end, "not an OCSP response in DER" },
    late = { function(good) return (good:gsub("%d%d%d%d(%d%d%d%d%d%d%d%d%d%dZ)", "2020%1")) end, "that has expired" },
    early = { function(good) return (good:gsub("%d%d%d%d(%d%d%d%d%d%d%d%d%d%dZ)", "2100%1")) end, "not valid yet" },
    other = { function() return authority:response("a", serials.a) end, "for another certificate" },
    revoked = { function() return authority:response("revoked", serials.revoked, "R") end, "certificate is revoked" },
    -- produced at another time than what is signed says
    forged = { function(good) return (good:gsub("20%d%d(%d%d%d%d%d%d%d%d%d%dZ\48)", "2020%1", 1)) end, "did not sign" },
  }

  --- The pairs of entries for all in `bad`
  local function put_staples()
    local entries = {}
    for _, name in ipairs { "a", "named", "error", "late", "early", "other", "revoked", "forged" } do
      serials[name] = select(3, authority:issue(name, name == "a" and "localhost" or name .. ".bad"))
      local good = authority:response(name, serials[name])
      server.put(path(name == "named" and "elsewhere" or name .. ".crt.ocsp"), bad[name] and bad[name][1](good) or good)
      local staple = name == "named" and ', staple = "F/elsewhere"' or ""
      entries[#entries + 1] = ('{ cert = "F/%s.crt", key = "F/%s.key"%s },'):format(name, name, staple)
    end
    return table.concat(entries, "\n", 2)
  end

  setup(function()
    folder = assert(posix.mkdtemp("/tmp/gifd-tls-XXXXXX"))
    authority = certificate.authority(folder)
    local more = put_staples()
    certificate.make(folder, "rsa", "localhost", 90, "rsa")
    certificate.make(folder, "wild", "*.wild.example")
    certificate.make(folder, "exact", "www.wild.example")
    certificate.make(folder, "both", "both.example")
    certificate.make(folder, "both_rsa", "both.example", 90, "rsa")
    setenv("SPEC_TLS_KEY", server.read_file(path "exact.key"))
    server.put(path "secret", server.read_file(path "both.key"))
    s = server.start { as_configured = true, workers = 2, config = ([[
return {
  listen = {
    "127.0.0.1:0",
    { address = "127.0.0.1:0", tls = {
      { cert = "F/a.crt", key = "F/a.key" },
      { cert = "F/rsa.crt", key = "F/rsa.key" },
      { cert = "F/wild.crt", key = "F/wild.key" },
      { cert = "F/exact.crt", key = secret { env = "SPEC_TLS_KEY" } },
      { cert = "F/both_rsa.crt", key = "F/both_rsa.key" },
      { cert = "F/both.crt", key = secret "F/secret" },
      %s } },
  },
}]]):format(more):gsub("F/", folder .. "/") }
    port = server.read_file(s.dir .. "/out"):match("ready https://127%.0%.0%.1:(%d+)")
  end)
  teardown(function()
    s:stop()
    setenv("SPEC_TLS_KEY", nil)
    os.execute("rm -rf " .. folder)
  end)

  --- -> the text of s_client, and the key of the certificate: "ecPublicKey" or "rsaEncryption"
  local function client(name, more)
    local text = output("openssl s_client -connect 127.0.0.1:%s %s %s", port,
      name and "-servername " .. name or "-noservername", more or "")
    local subject, kind = text:match("subject=([^\n]*)"), text:match("a:PKEY: (%a+)")
    return subject, kind, text
  end

  local ecdsa, rsa = "-sigalgs ECDSA+SHA256", "-sigalgs rsa_pss_rsae_sha256:RSA+SHA256"

  it("is of the key that the client's algorithms want, by name and without one, in TLS 1.2 and 1.3", function()
    for _, name in ipairs { "localhost", "both.example", "who.else", false } do
      assert.equal("id", select(2, client(name, "-tls1_2 " .. ecdsa)), name)
      assert.equal("rsaEncryption", select(2, client(name, "-tls1_3 " .. rsa)), name)
    end
    assert.equal("rsaEncryption", select(2, client("localhost", "-tls1_2 " .. rsa)))
    assert.equal("id", select(2, client "both.example"))
    assert.matches("both%.example", (client("both.example", rsa)))
    assert.matches("CN = localhost", (client("who.else", rsa)))
  end)

  it("with a wildcard serves the names below it, unless another names them in full", function()
    assert.matches("CN = %*%.wild%.example", (client "any.wild.example"))
    assert.matches("CN = www%.wild%.example", (client "www.wild.example"))
    assert.matches("CN = localhost", (client "a.b.wild.example"))
    assert.matches("CN = localhost", (client "wild.example"))
  end)

  it("may have its key from a secret, which is nowhere in the data directory", function()
    assert.matches("CN = www%.wild%.example", (client "www.wild.example"))
    assert.matches("CN = both%.example", (client("both.example", ecdsa)))
    local body = server.read_file(path "exact.key"):match("\n([^\n]+)\n")
    assert.equal("", output("grep -rlF -e '%s' %s", body, s.data))
    assert.equal("", output("grep -rlF -e '%s' %s", server.read_file(path "secret"):match("\n([^\n]+)\n"), s.data))
  end)

  local function stapled(name)
    local text = select(3, client(name, ecdsa .. " -status"))
    return text:match("OCSP Response Status: (%w+)") or text:match("OCSP response: (no response sent)") or text
  end

  it("comes with the OCSP response beside it, or where its entry says", function()
    assert.equal("successful", stapled "localhost")
    assert.equal("successful", stapled "named.bad")
    assert.matches("no response sent", select(3, client("localhost", rsa .. " -status")))
  end)

  it("comes without a response that is not good, and the log says why", function()
    for name, staple in pairs(bad) do
      assert.equal("no response sent", stapled(name .. ".bad"), name)
      assert.matches(("tls.staple_refused certificate=%%S+%s%%.crt why=[^\n]*%s"):format(name, staple[2]), s:errors())
    end
  end)

  it("is swapped with its key, a secret, and its response, when their files change", function()
    local before = select(3, client("both.example", ecdsa)):match("BEGIN CERTIFICATE%-%-%-%-%-\n(.-)%-")
    certificate.make(folder, "next", "both.example")
    server.put(path "secret", server.read_file(path "next.key"))
    server.put(path "both.crt", server.read_file(path "next.crt"))
    server.put(path "a.crt.ocsp", "x")
    server.put(path "error.crt.ocsp", authority:response("error", serials.error))
    server.wait_until("the swap", function()
      return select(3, client("both.example", ecdsa)):match("BEGIN CERTIFICATE%-%-%-%-%-\n(.-)%-") ~= before
    end, 20)
    server.wait_until("a bad response to go", function() return stapled "localhost" == "no response sent" end, 20)
    server.wait_until("a good one to be taken", function() return stapled "error.bad" == "successful" end, 20)
  end)

  --- Lines of entries, a listener each -> exit code, faults by line, counted from the first entry
  local function check(entries)
    local lines, faults = { "return { listen = {" }, {}
    for i, entry in ipairs(entries) do
      lines[i + 1] = ('{ address = "127.0.0.1:0", tls = { { cert = "%s", key = %s } } },'):format(unpack(entry))
    end
    local config = path "config.lua"
    server.put(config, table.concat(lines, "\n") .. "} }")
    local code, out, err = server.command("check", "--config", config, "--json")
    local ok, answer = pcall(cjson.decode, out)
    assert(ok, err)
    for _, fault in ipairs(answer.faults) do faults[fault.line - 1] = fault end
    return code, faults
  end

  it("is refused by a check that names the line, the field and the file", function()
    authority:issue("old", "localhost", -1)
    setenv("SPEC_TLS_WRONG", server.read_file(path "a.key"))
    for _, entries in ipairs {
      { { "a.crt", '"rsa.key"', "key", "rsa.key: not the key of this certificate" },
        { "wild.crt", '"a.key"', "key", "a.key: not the key of this certificate" },
        { "a.key", '"a.key"', "cert", "a.key: not a certificate in PEM" },
        { "a.crt", '"a.crt"', "key", "a.crt: not a key in PEM" },
        { "nothing", '"a.key"', "cert", "nothing: No such file" },
        { "old.crt", '"old.key"', "cert", "old.crt: expired 1 days ago" },
        { "exact.crt", 'secret { env = "SPEC_TLS_WRONG" }', "key", "SPEC_TLS_WRONG: not the key of" } },
      { { "a.crt", 'secret { env = "NOT_THERE" }', "key", "the environment has no NOT_THERE" },
        { "a.crt", 'secret "nothing"', "key", "nothing: No such file" },
        { "a.crt", '"-----BEGIN\\nPRIVATE KEY"', "key", "may not stand in the file itself" } },
    } do
      local code, faults = check(entries)
      assert.equal(3, code)
      for i, entry in ipairs(entries) do
        local fault = faults[i] or { message = "none" }
        assert.is_truthy(fault.message:find(entry[4], 1, true), entry[4] .. ", not " .. fault.message)
        assert.equal(("listen[%d].tls[1].%s"):format(i, entry[3]), fault.path)
      end
    end
    setenv("SPEC_TLS_WRONG", nil)
    assert.equal(0, (check { { "a.crt", '"a.key"' }, { "exact.crt", 'secret { env = "SPEC_TLS_KEY" }' },
      { "a.crt", 'file("a.key")' }, { "a.crt", 'secret "a.key"' } }))
  end)
end)
