--- model/event_kinds: numbers of what is kept of an event, and where they stand in `kind` of a segment's row. Numbers
-- are never used again for something else: rows of old segments hold them.
--
--   kind   bits 0..3 type | 4..11 platform | 12..15 verdict | 16..31 reason (flow/evidence_rules) | 32..51 pair
--
-- A segment is a database DATA/events/NNNNNNNN.db: row (id, at, subject = assets.rowid_, part = shares.id or 0, kind,
-- n, extra = metadata). See core/store/trail.h.
local M = {}

M.types = { "view", "play", "click" }

--- 0 is "other".
M.platforms = { "web", "slack", "discord", "teams", "twitter", "facebook", "giphy", "tenor" }

M.verdicts = { [0] = "unknown", "human", "preview", "bot", "reported" }
M.HUMAN, M.PREVIEW, M.REPORTED = 1, 2, 4 -- verdicts

--- Bits of the verdicts whose events are views, plays and clicks; preview and bot stand apart.
M.counted = 2 ^ 0 + 2 ^ 1 + 2 ^ 4

--- Why a verdict was given: 0 for no reason, 1 because somebody has reported it. Others are rules of evidence.
M.REPORT, M.PLAYED = 1, 3 -- 2: rows of before there were rules
local reasons = { [0] = "nothing", "reported", "preview program", "played in a page" }
function M.reason_name(number) return reasons[number] or tostring(number) end
function M.name_reason(number, name) reasons[number] = name end

M.PLATFORM, M.VERDICT, M.REASON, M.PAIR = 2 ^ 4, 2 ^ 12, 2 ^ 16, 2 ^ 32

local function numbers(list, first)
  local out = {}
  for i = first, #list do if list[i] then out[list[i]] = i end end
  return out
end
M.type_numbers, M.platform_numbers, M.verdict_numbers = numbers(M.types, 1), numbers(M.platforms, 1),
  numbers(M.verdicts, 0)
M.platform_numbers.other = 0

function M.kind(type, platform, verdict, reason, pair)
  return type + platform * M.PLATFORM + verdict * M.VERDICT + (reason or 0) * M.REASON + (pair or 0) * M.PAIR
end

--- kind -> type, platform, verdict, reason, pair
function M.split(kind)
  local floor = math.floor
  return kind % 16, floor(kind / M.PLATFORM) % 256, floor(kind / M.VERDICT) % 16, floor(kind / M.REASON) % 65536,
    floor(kind / M.PAIR)
end

function M.platform_name(number) return M.platforms[number] or "other" end

--- For C (core/script/intake.h): how events that are told become rows.
function M.intake(settings, data_dir)
  return { folder = data_dir .. "/events", rollup = data_dir .. "/rollup.db", also = data_dir .. "/catalogue.db",
    also_table = "hit_rows", durable = settings.events.durability == "durable",
    guarded = settings.events.from == "tokens", types = M.types,
    platforms = M.platforms, mark = M.kind(0, 0, M.REPORTED, M.REPORT), past = 86400, ahead = 300,
    subject = "SELECT rowid_ FROM assets WHERE id = ?1",
    part = "SELECT s.id, a.rowid_ FROM shares s JOIN assets a ON a.id = s.asset_id WHERE s.code = ?1" }
end

return M
