--- http/closed: what strangers are told in place of something that is not, or no longer, for them: 404 of what nobody
-- has approved yet, 410 of what was rejected, 451 of what was taken down by law. Nobody may keep it (no-store).
local appeal_flow = require "gifd.flow.appeal"
local categories = require "gifd.flow.categories"
local decision_model = require "gifd.model.decision"
local page = require "gifd.http.page"
local problem = require "gifd.http.problem"

local M = {}

local codes = { [404] = "not_found", [410] = "removed", [451] = "legal" }

local details = {
  [404] = "there is nothing here",
  [410] = "this was taken down, since it does not fit the rules of this site",
  [451] = "this was taken down for legal reasons",
}

--- For programs. status: of flow/share.closed
function M.problem(req, status) return problem.reply(req, status, codes[status], details[status]) end

local titles = { [410] = "Taken down", [451] = "Not available for legal reasons" }

--- For people: why, in general terms, and where to say that this is wrong. row: of flow/share.closed; code: the share's
function M.page(ctx, status, row, code)
  local detail = status == 451 and "Somebody with a right to it, or a court, had it taken down." or nil
  if status == 410 then
    local found, err = decision_model.find(row.scan_id)
    if found == nil then return nil, err end
    detail = categories.said[found and found.category] or categories.said.unknown
  end
  local appeal, err
  if status ~= 404 and not row.purged_at then
    appeal, err = appeal_flow.link(code)
    if not appeal then return nil, err end
  end
  return ctx.html(status, page.error(ctx.page { status = status, title = titles[status], detail = detail,
    appeal = appeal }))
end

return M
