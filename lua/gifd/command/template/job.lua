--- command/template/job: a new plugin that works in the background.
return {
  summary = "Fetches a list every few hours and keeps it",
  manifest = [[
  uses = { "fetch:lists.example.org", "kv" },
  config = schema.record {
    path = schema.string { default = "/words.txt", pattern = "^/%S*$", expects = "must begin with /",
      doc = "of the list at lists.example.org: a line for each word" },
  },
]],
  init = [[
--- @NAME@: fetches a list of words every six hours, keeps it, and says how many there are.

---@param ctx gifd.Ctx
local function refresh(ctx)
  local reply, err = gifd.fetch { url = "https://lists.example.org" .. ctx.config.path, retries = 2 }
  if not reply then return nil, err end -- a failure that may pass (err.retryable) is tried again later
  if reply.status ~= 200 then
    return nil, gifd.err("refused", { message = "lists.example.org answered " .. reply.status })
  end
  local words = {}
  for line in reply.body:gmatch("[^\r\n]+") do words[#words + 1] = gifd.text.trim(line) end
  local kept, kept_err = gifd.kv.set("words", gifd.json.array(words))
  if not kept then return nil, kept_err end
  ctx.log.info("refreshed", { words = #words })
  return { words = #words }
end

---@type gifd.Surface
local surface = { jobs = { refresh = { every = "6h", timeout = "2m", run = refresh } } }

return surface
]],
  spec = [[
describe("@NAME@", function()
  local url = "https://lists.example.org/words.txt"

  it("keeps the list that it fetched", function()
    local t = gifd.testing.start { fetch = { { url = url, reply = { body = "cat\n dog \n" } } } }
    assert.same({ words = 2 }, t:job("refresh"))
    assert.same({ "cat", "dog" }, t.gifd.kv.get("words"))
    assert.equal(2, t:logged("refreshed")[1].words)
  end)

  it("keeps the old list when the other server fails", function()
    local t = gifd.testing.start { fetch = { { url = url, reply = { body = "cat" } }, { url = url, err = "timeout" },
      { url = url, reply = { status = 500 } } } }
    assert(t:job("refresh"))
    local _, late = t:job("refresh")
    assert.equal("timeout", late.code)
    local _, broken = t:job("refresh")
    assert.matches("answered 500", broken.message)
    assert.same({ "cat" }, t.gifd.kv.get("words"))
  end)
end)
]],
  about = "Its job `refresh` runs every six hours; the time of the next run is on disk. A failure that may pass is "
    .. "tried again with back-off. Put the host that you mean into `uses` of `plugin.lua` and into `init.lua`.",
  settings = "| `path` | of the list at lists.example.org; default `/words.txt` |",
}
