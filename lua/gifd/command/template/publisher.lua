--- command/template/publisher: a new plugin that puts shares elsewhere.
return {
  summary = "Publishes shares at api.example.org",
  manifest = [[
  uses = { "fetch:api.example.org" },
  config = schema.record {
    key = schema.optional(schema.secret { env = "@ENV@_KEY", doc = "of the account at api.example.org" }),
  },
]],
  init = [[
--- @NAME@: publishes a share at api.example.org: title, tags and the address of its page.

--- Which answers may be other ones in a while.
local passing = { [408] = true, [429] = true, [500] = true, [502] = true, [503] = true, [504] = true }

---@param ctx gifd.Ctx
---@param publication gifd.Publication
---@return gifd.Published?, gifd.Err?
local function publish(ctx, publication)
  if not ctx.config.key then return nil, gifd.err("denied", { message = "there is no key: set @ENV@_KEY" }) end
  local share = publication.share
  local reply, err = gifd.fetch {
    url = "https://api.example.org/v1/posts", method = "POST", timeout = 30,
    headers = { authorization = "Bearer " .. ctx.config.key, ["content-type"] = "application/json" },
    body = gifd.json.encode { title = share.title, tags = gifd.json.array(share.tags), link = publication.url },
  }
  if not reply then return nil, err end
  if reply.status ~= 201 then
    return nil, gifd.err("refused", { message = "api.example.org answered " .. reply.status,
      retryable = passing[reply.status] or false })
  end
  local post, broken = gifd.json.decode(reply.body)
  if post == nil then return nil, broken end
  return { external_id = tostring(post.id), url = post.url }
end

---@type gifd.Surface
local surface = { hooks = { ["publish.@NAME@"] = publish } }

return surface
]],
  spec = [[
describe("@NAME@", function()
  local url = "https://api.example.org/v1/posts"

  local function publish(reply)
    local t = gifd.testing.start { config = { key = "k-123" }, fetch = { { url = url, method = "POST",
      headers = { authorization = "Bearer k-123" }, reply = reply } } }
    local share = assert(t:upload { title = "a cat", tags = { "cat", "soft" } })
    local published, err = t:hook("publish.@NAME@", t:publication(share))
    return published, err, t
  end

  it("posts title, tags and link, and remembers what it is called there", function()
    local published, _, t = publish { status = 201, json = { id = 77, url = "https://example.org/77" } }
    assert.same({ external_id = "77", url = "https://example.org/77", state = "published" }, published)
    local sent = gifd.json.decode(t.fetched[1].body)
    assert.equal("a cat", sent.title)
    assert.same({ "cat", "soft" }, sent.tags)
  end)

  it("is asked again when the other side is busy, and not when it refuses", function()
    local _, busy = publish { status = 503 }
    assert.is_true(busy.retryable)
    local _, refused = publish { status = 403 }
    assert.is_false(refused.retryable)
  end)

  it("asks nobody without a key", function()
    local t = gifd.testing.start()
    local _, err = t:hook("publish.@NAME@", t:publication(t:upload()))
    assert.equal("denied", err.code)
  end)
end)
]],
  about = "It owns the target `@NAME@`: `publish` in `init.lua` is handed a share and answers with what it is "
    .. "called there. Put the host that you mean into `uses` of `plugin.lua` and into `init.lua`.",
  settings = "| `key` | of the account at api.example.org: a secret, or `@ENV@_KEY` of the environment |",
}
