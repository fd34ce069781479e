-- What is asked, what the answer means, and when it is asked again. The other side is a script.
describe("ai-safety", function()
  local url = "https://api.openai.com/v1/moderations"
  local known = { "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent",
    "self-harm", "self-harm/intent", "self-harm/instructions", "sexual", "sexual/minors", "violence",
    "violence/graphic" }

  --- One result with these scores above nothing; hint: what they say themselves.
  local function result(high, hint)
    local out = { flagged = hint or false, categories = {}, category_scores = {} }
    for _, name in ipairs(known) do
      out.category_scores[name] = high[name] or 0.001
      out.categories[name] = hint == true and high[name] ~= nil
    end
    return out
  end

  local function answer(...) return { json = { id = "modr-1", model = "omni-x", results = { ... } } } end

  local function start(fetch, config)
    local all = { key = "sk-0123456789" }
    for name, value in pairs(config or {}) do all[name] = value end
    return gifd.testing.start { config = all, fetch = fetch, at = "2026-11-25T12:00:00Z" }
  end

  local function judged(high, hint)
    return start({ { url = url, reply = answer(result(high, hint)) } }):judge { title = "x" }
  end

  it("sends title, tags and description, with the key, and keeps what was said", function()
    local t = start({ { url = url, method = "POST", headers = { authorization = "Bearer sk-0123456789",
      ["content-type"] = "application/json", ["openai-project"] = "proj_1" },
      json = { model = "omni-moderation-latest", input = "A cat\ncats, tails\nIt walks." },
      reply = answer(result {}) } }, { project = "proj_1" })
    local ballot = t:judge { title = "A cat", tags = { "cats", "tails" }, description = "It walks." }
    assert.equal("approved", ballot.decision)
    assert.equal("safe", ballot.category)
    assert.near(0.999, ballot.confidence, 1e-9)
    assert.equal("omni-x", ballot.data.model)
    assert.equal(0.001, ballot.data.scores.sexual)
  end)

  it("asks nobody about no words", function()
    local ballot = start({}):judge { title = " ", tags = {} }
    assert.equal("approved", ballot.decision)
    assert.equal(1, ballot.confidence)
    assert.equal(0, ballot.data.text_length)
  end)

  it("names what is unsafe as they do, with the score, and else says how sure it is that all is well", function()
    for _, theirs in ipairs { "sexual", "sexual/minors", "violence", "hate/threatening", "illicit/violent" } do
      local ballot = judged { [theirs] = 0.9 }
      assert.same({ "rejected", theirs, 0.9 }, { ballot.decision, ballot.category, ballot.confidence })
      assert.same({ "text: " .. theirs }, ballot.reasons)
    end
    local doubtful = judged { violence = 0.4 }
    assert.same({ "approved", "safe", 0.6 }, { doubtful.decision, doubtful.category, doubtful.confidence })
    assert.same({ "text: violence" }, doubtful.reasons)
    assert.same({}, doubtful.data.violations)
    assert.same({}, judged({ sexual = 0.05 }).reasons)
  end)

  it("names what they flagged although its scores are low", function()
    local ballot = judged({ hate = 0.03 }, true)
    assert.same({ "flagged", "hate" }, { ballot.decision, ballot.category })
    assert.same({ "text: hate" }, ballot.reasons)
    assert.is_false(ballot.data.is_safe)
  end)

  it("counts a category that it has never heard of", function()
    local one = result {}
    one.category_scores["mind-control"], one.categories["mind-control"] = 0.99, true
    local ballot = start({ { url = url, reply = answer(one) } }):judge { title = "x" }
    assert.same({ "rejected", "mind-control" }, { ballot.decision, ballot.category })
  end)

  it("fails for good at anything but a well-formed answer", function()
    local function broken(change)
      local one = result {}
      change(one)
      return answer(one)
    end
    for name, reply in pairs {
      text = { body = "safe" }, fence = { body = "```json\n{}\n```" }, nothing = { body = "" }, number = { body = "1" },
      list = { body = "[]" }, empty = { json = { results = gifd.json.array {} } }, two = answer(result {}, result {}),
      ["no results"] = { json = { id = "modr-1" } }, bytes = { body = '{"results":"\255"}' },
      ["flagged a text"] = broken(function(one) one.flagged = "false" end),
      ["score a text"] = broken(function(one) one.category_scores.hate = "0.001" end),
      ["score beyond"] = broken(function(one) one.category_scores.hate = -0.5 end),
      ["no score"] = broken(function(one) one.category_scores.sexual = nil end),
      ["no categories"] = broken(function(one) one.categories = nil end),
      ["category without score"] = broken(function(one) one.categories.other = true end),
    } do
      local ballot, err = start({ { url = url, reply = reply } }):judge { title = "x" }
      assert.is_nil(ballot, name)
      assert.equal("protocol", err.code, name)
      assert.is_false(err.retryable, name)
    end
  end)

  it("waits as it is told before it asks again", function()
    for name, case in pairs {
      milliseconds = { 0.25, { ["retry-after-ms"] = "250", ["retry-after"] = "9" } },
      seconds = { 7, { ["retry-after"] = "7" } },
      date = { 30, { ["retry-after"] = "Wed, 25 Nov 2026 12:00:30 GMT" } },
    } do
      local t = start { { url = url, reply = { status = 429, headers = case[2] } }, { url = url,
        reply = answer(result {}) } }
      local began = t.clock.now()
      assert.equal("approved", t:judge({ title = "x" }).decision, name)
      assert.near(case[1], t.clock.now() - began, 0.01, name)
    end
  end)

  it("tries three times and then fails for now, after pauses that grow", function()
    local down = { url = url, reply = { status = 503, json = { error = { code = "server_error",
      message = "x secret" } } } }
    local t = start { down, { url = url, err = "timeout" }, down }
    local began = t.clock.now()
    local _, err = t:judge { title = "x secret" }
    assert.is_true(err.retryable)
    assert.is_true(t.clock.now() - began >= 1 and t.clock.now() - began <= 1.6)
    assert.matches("status 503, server_error", err.message)
    assert.is_nil(tostring(err.message):find("secret", 1, true))
  end)

  it("does not ask again when that would be in vain", function()
    for name, reply in pairs {
      quota = { status = 429, json = { error = { code = "insufficient_quota" } } }, key = { status = 401 },
      question = { status = 400 }, told = { status = 503, headers = { ["x-should-retry"] = "false" } },
      elsewhere = { status = 302, headers = { Location = "https://evil.example/" } },
    } do
      local _, err = start({ { url = url, reply = reply } }):judge { title = "x" }
      assert.is_false(err.retryable, name)
    end
    local _, err = start({ { url = url, reply = { status = 429, headers = { ["retry-after"] = "3600" } } } })
      :judge { title = "x" }
    assert.is_true(err.retryable)
    local told = { { url = url, reply = { status = 400, headers = { ["x-should-retry"] = "true" } } },
      { url = url, reply = answer(result {}) } }
    assert.equal("approved", start(told):judge({ title = "x" }).decision)
  end)

  it("rests after five failures in a row, tells it once, and begins with one question", function()
    local fetch = {}
    for i = 1, 5 do fetch[i] = { url = url, reply = { status = 500 } } end
    fetch[6], fetch[7], fetch[8] = { url = url, reply = { status = 500 } }, { url = url, reply = answer(result {}) },
      { url = url, reply = answer(result {}) }
    local t = start(fetch, { retries = 0 })
    for i = 1, 8 do
      local _, err = t:judge { title = "x" .. i }
      assert.is_true(err.retryable)
    end
    assert.equal(5, #t.fetched)
    assert.equal(1, #t:logged "circuit.open")
    t.clock.advance(31)
    t:judge { title = "y" }
    t:judge { title = "y" }
    assert.equal(6, #t.fetched)
    t.clock.advance(31)
    assert.equal("approved", t:judge({ title = "z" }).decision)
    assert.equal("approved", t:judge({ title = "zz" }).decision)
    assert.equal(1, #t:logged "circuit.closed")
  end)

  it("keeps to its budget of a day", function()
    local one = { url = url, reply = answer(result {}) }
    local t = start({ one, one, one }, { daily_requests = 2, cache = 0 })
    for _ = 1, 2 do assert.equal("approved", t:judge({ title = "x" }).decision) end
    for _ = 1, 3 do
      local _, err = t:judge { title = "x" }
      assert.is_false(err.retryable)
    end
    assert.equal(1, #t:logged "budget.spent")
    t.clock.advance("12h")
    assert.equal("approved", t:judge({ title = "x" }).decision)
  end)

  it("uses an answer again, by content and model, until it is old", function()
    local one = { url = url, reply = answer(result { violence = 0.1 }) }
    local t = start({ one, one }, { cache = "2d" })
    assert.is_false(t:judge({ title = "x" }).data.cached)
    assert.is_true(t:judge({ title = "x" }).data.cached)
    t.clock.advance("3d")
    assert.is_false(t:judge({ title = "x" }).data.cached)
    assert.equal(2, #t.fetched)
  end)

  it("cuts long texts between words and characters, and the worst piece counts", function()
    local t = start { { url = url, reply = answer(result {}, result { hate = 0.9 }, result {}) } }
    local ballot = t:judge { title = "x", description = ("é"):rep(3000) .. " " .. ("wörter "):rep(2000) }
    assert.equal("rejected", ballot.decision)
    local input = gifd.json.decode(t.fetched[1].body).input
    assert.equal(3, #input)
    for _, piece in ipairs(input) do
      assert.is_true(#piece <= 8000)
      assert.is_true(gifd.text.valid_utf8(piece))
    end
    local _, err = start({}):judge { description = ("word "):rep(200000) }
    assert.is_false(err.retryable)
  end)

  it("asks at base_url and nowhere else", function()
    local t = start({ { url = "http://127.0.0.1:9/api/moderations", reply = answer(result {}) } },
      { base_url = "http://127.0.0.1:9/api/" })
    assert.equal("approved", t:judge({ title = "x" }).decision)
  end)
end)

describe("ai-safety, looking at pictures", function()
  local function picture(applied)
    return { url = "https://api.openai.com/v1/moderations", body_matches = '"url":"data:image.*/jpeg;base64,//8="',
      reply = { json = { model = "omni-x", results = { { flagged = false, categories = { sexual = false,
        violence = false }, category_scores = { sexual = 0.001, violence = 0.002 },
        category_applied_input_types = { sexual = gifd.json.array { applied or "image" } } } } } } }
  end

  local function said(text, more)
    local body = { status = "completed", model = "eye-1", output = { { type = "reasoning" }, { type = "message",
      content = { { type = "output_text", text = text } } } } }
    for key, value in pairs(more or {}) do body[key] = value end
    return { url = "https://api.openai.com/v1/responses", reply = { json = body } }
  end

  local function look(fetch, config)
    local all = { key = "sk-0123456789" }
    for name, value in pairs(config or {}) do all[name] = value end
    local t = gifd.testing.start { config = all, fetch = fetch }
    local ballot, err = t:hook("judge", { kind = "asset", blob = ("0"):rep(64), frames = function(options)
      local side = options.width == 512 and config and config.vision_model and 512 or 1024 -- as much as is seen
      assert.same({ count = 4, width = side, height = side, format = "jpeg", quality = 85 }, options)
      return { { bytes = "\255\255", type = "image/jpeg" }, { bytes = "\255\255", type = "image/jpeg" } }
    end })
    return ballot, err
  end

  it("asks about each, and approves when all are harmless", function()
    local ballot = look { picture(), picture() }
    assert.same({ "approved", "safe", 2 }, { ballot.decision, ballot.category, ballot.data.frames })
    assert.near(0.998, ballot.confidence, 1e-9)
  end)

  it("fails when the model has not looked", function()
    local _, err = look { picture "text" }
    assert.is_false(err.retryable)
  end)

  it("takes a description as JSON of its schema and as nothing else", function()
    local good = '{"is_safe":true,"category":"safe","violations":[],"confidence":0.97,"description":"A cat."}'
    local ballot = look({ picture(), picture(), said(good) }, { vision_model = "eye" })
    assert.same({ "approved", "A cat.", "eye-1" }, { ballot.decision, ballot.data.description,
      ballot.data.vision_model })
    for name, one in pairs {
      prose = said "UNSAFE: nudity", fence = said("```json\n" .. good .. "\n```"), more = said(good .. " safe"),
      cut = said(good, { status = "incomplete" }), none = said(good, { output = gifd.json.array {} }),
      extra = said((good:gsub("}", ',"safe":true}'))), words = said((good:gsub("0.97", '"high"'))),
      beyond = said((good:gsub("0.97", "97"))), kind = said((good:gsub('"safe"', '"fine"'))),
      object = said((good:gsub("%[%]", '{"a":1}'))), list = said "[]",
      refusal = said(good, { output = { { type = "message", content = { { type = "refusal", refusal = good } } } } }),
    } do
      local got, err = look({ picture(), picture(), one }, { vision_model = "eye" })
      assert.is_nil(got, name)
      assert.is_false(err.retryable, name)
    end
  end)

  it("believes the worse of two, and nothing that contradicts itself", function()
    local function with(text)
      return look({ picture(), picture(), said(text) }, { vision_model = "eye" })
    end
    local ballot = with '{"is_safe":false,"category":"nsfw","violations":["nudity"],"confidence":0.9,"description":""}'
    assert.same({ "rejected", "nsfw", 0.9 }, { ballot.decision, ballot.category, ballot.confidence })
    assert.same({ "visual: nudity" }, ballot.reasons)
    for _, text in ipairs {
      '{"is_safe":true,"category":"safe","violations":["nudity"],"confidence":0.99,"description":""}',
      '{"is_safe":true,"category":"nsfw","violations":[],"confidence":0.99,"description":""}',
      '{"is_safe":false,"category":"safe","violations":[],"confidence":0.99,"description":""}',
    } do
      ballot = with(text)
      assert.equal("flagged", ballot.decision, text)
      assert.is_true(#ballot.reasons > 0, text)
    end
  end)
end)
