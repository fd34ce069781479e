--- sight: which judges look at pixels. No model ships, so where none is configured that is said: in the log, by
-- `gifd config explain unseen` and by `gifd doctor`. Pure but for the log.
local M = {}

local outcomes = { flagged = "what nobody trusted uploads is flagged, for a person to look at",
  approved = "everything that no judge minds is approved, without anybody having seen it",
  pending = "what nobody trusted uploads waits" }

M.mend = 'plugins = { ["ai-safety"] = ... } or { ["moderation-pixels"] = ... } in config.lua; `unseen` there says what '
  .. "happens without"

--- names: of plugins whose judges look; unseen: of config.lua -> a sentence
function M.sentence(names, unseen)
  if names[1] then return "judged by " .. table.concat(names, ", ") end
  return "nothing looks at pixels: " .. outcomes[unseen]
end

--- One line of the log, once for each generation.
function M.tell(settings)
  local names = {}
  for _, plugin in ipairs(settings.plugins) do
    if plugin.pixels and not plugin.lacking then names[#names + 1] = plugin.name end
  end
  gifd.log[names[1] and "info" or "warn"](names[1] and "pixels.judged" or "pixels.unseen",
    { message = M.sentence(names, settings.unseen) })
end

return M
