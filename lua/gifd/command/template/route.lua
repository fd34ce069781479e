--- command/template/route: a new plugin with pages of its own.
return {
  summary = "Keeps short notes and gives them back",
  manifest = [[
  uses = { "kv" },
  config = schema.record {
    longest = schema.integer { default = 200, min = 1, max = 10000, doc = "characters of a note" },
  },
]],
  init = [[
--- @NAME@: notes by name, under /p/@NAME@/notes/. Everybody reads; who may write has a token with `@NAME@:write`.

---@param req gifd.Request
---@return gifd.Answer?, gifd.Err?
local function show(_, req)
  local note, err = gifd.kv.get("note:" .. req.params.name)
  if note == nil then return nil, err end
  if not note then return nil, gifd.err("not_found", { message = "there is no such note" }) end
  return { json = note, cache = { seconds = 60, key = "note:" .. req.params.name } }
end

---@param ctx gifd.Ctx
---@param req gifd.Request
---@return gifd.Answer?, gifd.Err?
local function write(ctx, req)
  if gifd.text.length(req.body.text) > ctx.config.longest then
    return nil, gifd.err("too_large", { message = "a note has at most " .. ctx.config.longest .. " characters" })
  end
  local kept, err = gifd.kv.set("note:" .. req.params.name, { text = req.body.text, by = ctx.account })
  if not kept then return nil, err end
  gifd.cache.purge("note:" .. req.params.name)
  return { status = 204 }
end

---@type gifd.Surface
local surface = {
  routes = {
    ["GET /notes/{name}"] = { auth = "public", run = show },
    ["PUT /notes/{name}"] = { auth = "@NAME@:write", body = schema.record { text = schema.string { min = 1 } },
      run = write },
  },
}

return surface
]],
  spec = [[
describe("@NAME@", function()
  local t
  before_each(function() t = gifd.testing.start { config = { longest = 10 } } end)

  local function write(text)
    return t:request { "PUT", "/notes/cat", json = { text = text }, account = "ann", scopes = { "@NAME@:write" } }
  end

  it("gives back what was written", function()
    assert.equal(204, write("purrs").status)
    assert.same({ text = "purrs", by = "ann" }, t:request({ "GET", "/notes/cat" }).json)
  end)

  it("says when there is nothing, and when it is too much", function()
    assert.equal(404, t:request({ "GET", "/notes/dog" }).status)
    assert.equal(413, write("far more than ten").status)
    assert.equal(422, write("").status)
  end)

  it("lets nobody write without the scope", function()
    assert.equal(401, t:request({ "PUT", "/notes/cat", json = { text = "x" } }).status)
    assert.equal(403, t:request({ "PUT", "/notes/cat", json = { text = "x" }, account = "ann" }).status)
  end)
end)
]],
  about = "It answers requests below `/p/@NAME@/`. What it keeps is in a database of its own (`kv`); replies to "
    .. "readers may be kept for a minute and are taken back when a note changes.",
  settings = "| `longest` | characters of a note; default 200 |",
}
