--- jobs/places: how many jobs of the media lane run at a time: one more while over 5 wait, one fewer while under 2 do,
-- within media.children of the configuration and never more than there are cores. This is the only place of the rule;
-- what memory and pixels allow beyond it, the media process says (core/media/lanes.h). Pure.
local M = { many = 6, few = 1 } -- jobs that wait: from `many` on a place more, up to `few` one fewer

--- waiting: counted up to M.many
function M.next(now, waiting, least, most)
  if waiting >= M.many then now = now + 1 elseif waiting <= M.few then now = now - 1 end
  return math.max(least, math.min(most, now))
end

--- children: { min, max } -> least, most
function M.bounds(children, cores)
  local most = math.max(1, math.min(cores, math.max(children.min, children.max)))
  return math.min(children.min, most), most
end

return M
