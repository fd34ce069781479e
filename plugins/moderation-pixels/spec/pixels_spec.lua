-- The question, the answer, and what is none. The other side is a script.
describe("moderation-pixels", function()
  local url = "https://looker.example.org/judge"

  local function asset(options)
    return { kind = "asset", id = "abc", blob = ("0"):rep(64), facts = { type = "image/gif", bytes = 7, width = 3,
      height = 2, frames = 2, duration_ms = 200 }, frames = function(asked)
        if options then options.asked = asked end
        return { { bytes = "\255\239\190", type = "image/jpeg", width = 3, height = 2, at = 0 },
          { bytes = "a", type = "image/jpeg", width = 3, height = 2, at = 0.1 } }
      end }
  end

  local function start(reply, config)
    local all = { url = url }
    for name, value in pairs(config or {}) do all[name] = value end
    return gifd.testing.start { config = all, at = "2026-11-25T12:00:00Z",
      fetch = reply and { type(reply) == "string" and { url = url, err = reply } or { url = url, reply = reply } } }
  end

  local function judged(reply, config) return start(reply, config):hook("judge", asset()) end

  it("sends facts and pictures, and takes the answer as it is", function()
    local options = {}
    local t = start({ json = { decision = "rejected", category = "nsfw", confidence = 0.9, reasons = { "no" },
      version = "m7" } }, { side = 256, frames = 2 })
    local ballot = t:hook("judge", asset(options))
    assert.same({ decision = "rejected", category = "nsfw", confidence = 0.9, reasons = { "no" },
      data = { version = "m7" } }, ballot)
    assert.same({ count = 2, width = 256, height = 256, format = "jpeg", quality = 85 }, options.asked)
    local asked = gifd.json.decode(t.fetched[1].body)
    assert.equal("POST", t.fetched[1].method)
    assert.same({ id = "abc", type = "image/gif", bytes = 7, width = 3, height = 2, frames = 2, duration_ms = 200 },
      asked.asset)
    assert.same({ "/+++", "YQ==" }, { asked.pictures[1].data, asked.pictures[2].data })
    assert.is_nil(t.fetched[1].headers["x-gifd-signature"])
  end)

  it("signs the question, or sends the secret", function()
    local t = start({ json = { decision = "approved" } }, { secret = "s-0123456789" })
    assert.equal("approved", t:hook("judge", asset()).decision)
    local at = "1795608000"
    assert.equal(("t=%s,v1=%s"):format(at, t.gifd.crypto.hex(t.gifd.crypto.hmac("s-0123456789", at .. "."
      .. t.fetched[1].body))), t.fetched[1].headers["x-gifd-signature"])
    t = start({ json = { decision = "approved" } }, { secret = "s-0123456789", auth = "bearer" })
    t:hook("judge", asset())
    assert.equal("Bearer s-0123456789", t.fetched[1].headers.authorization)
    assert.is_nil(t.fetched[1].headers["x-gifd-signature"])
  end)

  it("has no opinion about words, nor where nobody is configured", function()
    assert.is_nil(start():judge { title = "x" })
    assert.same({}, { gifd.testing.start():hook("judge", asset()) })
  end)

  it("takes nothing for an answer that is none", function()
    for name, reply in pairs {
      text = { body = "approved" }, nothing = { body = "" }, fence = { body = '```{"decision":"approved"}```' },
      bytes = { body = '{"decision":"approved","version":"\255"}' }, list = { body = '["approved"]' },
      word = { json = { decision = "safe" } }, none = { json = {} }, truth = { json = { decision = true } },
      sure = { json = { decision = "approved", confidence = "1" } },
      beyond = { json = { decision = "approved", confidence = 95 } },
      category = { json = { decision = "approved", category = 1 } },
      reasons = { json = { decision = "flagged", reasons = "no" } },
      reason = { json = { decision = "flagged", reasons = { 1 } } },
      object = { json = { decision = "flagged", reasons = { why = "no" } } },
      status = { status = 404, json = { decision = "approved" } },
      created = { status = 201, json = { decision = "approved" } },
      elsewhere = { status = 302, headers = { Location = "https://evil.example/" } },
    } do
      local ballot, err = judged(reply)
      assert.is_nil(ballot, name)
      assert.is_false(err.retryable, name)
    end
    assert.is_false(select(2, judged "too_large").retryable)
  end)

  it("may be asked again when the other side is away", function()
    for _, status in ipairs { 408, 429, 500, 503 } do
      assert.is_true(select(2, judged { status = status }).retryable, status)
    end
    for _, code in ipairs { "timeout", "refused", "closed", "protocol", "not_found" } do
      assert.is_true(select(2, judged(code)).retryable, code)
    end
  end)
end)
