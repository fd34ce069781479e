-- bench/words: how long the shipped judge of words takes for a title, also for the worst that it may have.
--   gifd lua --root . bench/words.lua
local FOLDER, ROUNDS = "plugins/moderation-words/", 20
local env = setmetatable({}, { __index = _G })

local function load(name)
  return assert(gifd.console.load(FOLDER .. name:gsub("%.", "/") .. ".lua", env))()
end

env.require = load
local judge = load("init").hooks.judge
local ctx = { config = { rules = "", languages = { "en", "de", "fr", "es", "pt", "it", "ru", "tr" }, allow = {} } }
local units = { "a nice cat dances in rain ", "p.o.r.n ", "p0rnnn1 ", "pornPorn ", "sex education ", "a a ",
  "\208\191\209\128 ", "1l!|$@", "a" }
local slow = 0
judge(ctx, { kind = "share", title = "once", description = "", tags = {} })
for _, bytes in ipairs { 300, 10000 } do
  for _, unit in ipairs(units) do
    local text, times, best = unit:rep(math.ceil(bytes / #unit)):sub(1, bytes), 30000 / bytes, math.huge
    local share = { kind = "share", title = text, description = "", tags = {} }
    for _ = 1, ROUNDS do -- the quickest: others use the machine too
      local from = gifd.time.now()
      for _ = 1, times do judge(ctx, share) end
      best = math.min(best, (gifd.time.now() - from) / times * 1e6)
    end
    print(("%5d bytes of %-28q %8.1f us"):format(bytes, unit, best))
    if best > (bytes == 300 and 100 or 3000) then slow = slow + 1 end
  end
end
return slow == 0 and 0 or 1
