-- Times by five fields.
package.path = "lua/?.lua;" .. package.path
local cron = require "gifd.cron"

local function at(text) -- "2026-02-28 23:59" -> seconds, UTC
  local y, m, d, h, min = text:match "(%d+)-(%d+)-(%d+) (%d+):(%d+)"
  local utc = os.time { year = y, month = m, day = d, hour = h, min = min, sec = 0, isdst = false }
  return utc + os.difftime(utc, os.time(os.date("!*t", utc)))
end
local function after(expression, text)
  return os.date("!%Y-%m-%d %H:%M", cron.next(assert(cron.parse(expression)), at(text)))
end
local function refusal(expression) return select(2, cron.parse(expression)) end

describe("a cron expression", function()
  it("means the next time that its fields allow", function()
    assert.equal("2026-03-01 00:00", after("* * * * *", "2026-02-28 23:59"))
    assert.equal("2026-11-25 10:15", after("*/15 * * * *", "2026-11-25 10:00"))
    assert.equal("2026-11-26 03:30", after("30 3 * * *", "2026-11-25 03:30"))
    assert.equal("2026-11-30 03:30", after("30 3 * * mon", "2026-11-25 03:30"))
    assert.equal("2026-11-29 00:00", after("0 0 * * 7", "2026-11-25 03:30"))
    assert.equal("2027-01-01 00:05", after("5 0 1 JAN,jul *", "2026-07-01 00:05"))
    assert.equal("2026-11-25 11:00", after("0 9-17/2 * * mon-fri", "2026-11-25 09:00"))
    assert.equal("2028-02-29 12:00", after("0 12 29 2 *", "2026-02-28 12:00"))
    assert.equal("2104-02-29 00:00", after("0 0 29 feb *", "2096-02-29 00:00"))
  end)

  it("means either day when both are given", function()
    assert.equal("2026-11-27 00:00", after("0 0 1 * fri", "2026-11-25 00:00"))
    assert.equal("2026-12-01 00:00", after("0 0 1 * fri", "2026-11-27 00:00"))
  end)

  it("is refused by the name of its field", function()
    assert.matches("has 4 fields", refusal "* * * *")
    assert.matches('^minute: "60" is not 0 to 59', refusal "60 * * * *")
    assert.matches('^hour: "24"', refusal "0 24 * * *")
    assert.matches('^day of the month: "0"', refusal "0 0 0 * *")
    assert.matches('^month: "foo" is not 1 to 12 or a name', refusal "0 0 1 foo *")
    assert.matches('^day of the week: "fri%-mon" ends before', refusal "0 0 * * fri-mon")
    assert.matches("^minute: a step", refusal "*/0 * * * *")
    assert.matches("^minute: .*empty part", refusal "1,,2 * * * *")
    assert.matches("^day of the month: none", refusal "0 0 31 feb,apr *")
  end)
end)
