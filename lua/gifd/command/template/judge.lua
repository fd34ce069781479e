--- command/template/judge: a new plugin that judges words.
return {
  summary = "Flags titles that shout",
  manifest = [[
  uses = {},
  config = schema.record {
    loudest = schema.integer { default = 3, min = 0, max = 100, doc = "exclamation marks that are still fine" },
  },
]],
  init = [[
--- @NAME@: flags a share whose title has more exclamation marks than `loudest`.

---@param ctx gifd.Ctx
---@param subject gifd.Subject
---@return gifd.Ballot?, gifd.Err?
local function judge(ctx, subject)
  if subject.kind ~= "share" then return nil end -- no opinion about pictures
  local _, marks = subject.title:gsub("!", "")
  if marks <= ctx.config.loudest then return nil end
  return { decision = "flagged", category = "spam", confidence = 0.9, reasons = { "the title shouts" } }
end

---@type gifd.Surface
local surface = { hooks = { judge = judge } }

return surface
]],
  spec = [[
describe("@NAME@", function()
  it("has no opinion about a title that speaks softly", function()
    local t = gifd.testing.start()
    assert.is_nil(t:judge { title = "a cat!" })
  end)

  it("flags a title that shouts, and says why", function()
    local t = gifd.testing.start { config = { loudest = 1 } }
    local ballot = t:judge { title = "LOOK!!" }
    assert.equal("flagged", ballot.decision)
    assert.same({ "the title shouts" }, ballot.reasons)
  end)

  it("decides about an upload", function()
    local t = gifd.testing.start { settings = { unseen = "approved" } }
    assert.equal("flagged", t:upload({ title = "WOW!!!!" }).state)
    assert.equal("live", t:upload({ title = "wow" }).state)
  end)
end)
]],
  about = "It is a judge of words: `judge` in `init.lua` sees each new or changed title and answers with a ballot, "
    .. "or nil for no opinion. The strictest of all judges decides.",
  settings = "| `loudest` | exclamation marks that are still fine; default 3 |",
}
