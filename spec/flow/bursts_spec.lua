-- Pages that nobody looks at: sequences of requests as programs and people make them, in a time of their own.
package.path = "lua/?.lua;" .. package.path
local askers = require "gifd.flow.askers"
local bursts = require "gifd.flow.bursts"
local kinds = require "gifd.model.event_kinds"

local browser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 "
local function who(name, from) return askers.of_text("\n" .. (from or "") .. "\n" .. browser .. "Safari/" .. name) end

describe("bursts", function()
  local b, now, rows
  before_each(function() b, now, rows = bursts.new(10), 1000, {} end)

  --- Rows as they would stand: [share .. text] = bits
  local function page(share, asker, n)
    b:page(share, asker, n or 1, now)
    rows[#rows + 1] = { share = share, text = asker.text, bits = asker.bits, at = now }
  end
  local function pass(seconds)
    now = now + seconds
    for _, change in ipairs(b:changes(now)) do
      for _, row in ipairs(rows) do
        if row.share == change.share and row.text == change.text and row.bits == change.was
          and row.at >= change.since then
          row.bits = change.becomes
        end
      end
    end
  end
  --- How many rows have which verdict and reason
  local function seen()
    local out = {}
    for _, row in ipairs(rows) do
      local _, _, verdict, reason = kinds.split(row.bits)
      local key = kinds.verdicts[verdict] .. ": " .. kinds.reason_name(reason)
      out[key] = (out[key] or 0) + 1
    end
    return out
  end

  it("are not what people do: media follow, or a play", function()
    for i = 1, 100 do
      local person = who(i)
      page(1, person)
      if i % 2 == 0 then b:seen(1, person.agent) end
    end
    for i = 1, 100, 2 do b:seen(1, who(i).agent) end
    for _ = 1, 30 do pass(5) end
    assert.same({ ["unknown: nothing"] = 100 }, seen())
  end)

  it("take one GET and then HEAD for a preview, with a browser's agent, wherever it came from", function()
    local x = who "537.36"
    page(1, x)
    page(1, who("537.36", "t.co"))
    page(1, who "another")
    b:head(1, x, 3, now)
    b:seen(1, who("another").agent)
    pass(9)
    assert.same({ ["unknown: nothing"] = 3 }, seen())
    pass(1)
    assert.same({ ["preview: a page, then HEAD"] = 2, ["unknown: nothing"] = 1 }, seen())
    b:seen(1, x.agent) -- somebody with this browser looks at it, too: nobody can say which was which
    pass(5)
    assert.same({ ["unknown: nothing"] = 3 }, seen())
  end)

  it("take many pages without media for previews, also those that come later, but nobody whose media follow", function()
    for i = 1, 25 do page(1, who("instance " .. i)) end
    page(1, who "person")
    b:seen(1, who("person").agent)
    page(2, who "elsewhere")
    pass(10)
    assert.same({ ["preview: a burst without media"] = 25, ["unknown: nothing"] = 2 }, seen())
    page(1, who "instance 1")
    pass(5)
    assert.equal(26, seen()["preview: a burst without media"])
    pass(60)
    assert.equal(1, seen()["unknown: no media followed"]) -- it counts, with a reason
  end)

  it("are those of what has no browser's form, too, but not of libraries and of who has no name", function()
    for i = 1, 30 do
      page(1, askers.of_text("\n\nMozilla/5.0 Instance/" .. i))
      page(2, askers.of_text "\n\ncurl/8.5.0")
      page(3, askers.of_text "\n\n")
    end
    page(4, askers.of_text "\n\nMozilla/5.0 Instance/1")
    for _ = 1, 20 do pass(5) end
    assert.same({ ["preview: a burst without media"] = 30, ["unknown: library"] = 30, ["unknown: no user agent"] = 30,
      ["unknown: no browser by its form"] = 1 }, seen())
  end)

  it("are none when they are far apart", function()
    for i = 1, 40 do
      page(1, who("reader " .. i))
      pass(2)
    end
    pass(120)
    assert.is_nil(seen()["preview: a burst without media"])
    assert.equal(40, seen()["unknown: no media followed"])
  end)

  it("are final after two minutes, and watch no more than they have room for", function()
    page(1, who "late")
    for _ = 1, 25 do pass(5) end
    b:seen(1, who("late").agent)
    b:head(1, who "late", 1, now)
    pass(15)
    assert.same({ ["unknown: no media followed"] = 1 }, seen())
    for i = 1, 30000 do b:page(i, who "many", 1, now) end
    assert.equal(20000, b.watched)
    pass(130)
    assert.equal(0, b.watched)
  end)
end)
