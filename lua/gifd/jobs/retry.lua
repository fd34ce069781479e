--- jobs/retry: whether a failed attempt is followed by another one, and when. By kind of error, as data.
--
-- The pause doubles with each attempt up to `most`, and is anything from half to all of that, so that what failed
-- together is not tried again together. A crash is the end of a media process: whatever the file was, three are poison.
local M = { crash = "media_crash" }

local CRASHES = 3

--- err.code -> first pause and longest pause in seconds, and how many attempts at most, whatever the configuration says
local kinds = {
  busy = { first = 1, most = 300 },
  rate_limited = { first = 10, most = 3600 },
  refused = { first = 2, most = 600 },
  timeout = { first = 5, most = 600, attempts = 3 },
  disk_full = { first = 60, most = 600 },
  out_of_memory = { first = 10, most = 600, attempts = 3 },
  media_crash = { first = 1, most = 60 },
}
local other = { first = 2, most = 600 }

--- Pure: job = { attempts, crashes }, attempts: allowed ones, chance: 0 to 1 -> "again", seconds; "failed"; or
-- "poison". job.crashes counts this one already.
function M.verdict(job, err, attempts, chance)
  local crashed = err.code == M.crash
  if crashed and (job.crashes or 0) >= CRASHES then return "poison" end
  if not crashed and not err.retryable then return "failed" end
  local kind = kinds[err.code] or other
  if not crashed and job.attempts >= math.min(attempts, kind.attempts or attempts) then return "failed" end
  return "again", math.min(kind.most, kind.first * 2 ^ (job.attempts - 1)) * (0.5 + chance / 2)
end

--- 0 to 1, not to be foreseen
function M.chance()
  local a, b = gifd.crypto.random(2):byte(1, 2)
  return (a * 256 + b) / 65535
end

return M
