--- http/plays: POST /api/v1/plays: share pages tell that what they show was in sight and playing for a second
-- (web/play.js). Only pages of this server may; who asked not to be tracked (DNT, Sec-GPC) is not counted. The answer
-- is the same whether there is such a share or not: it tells nobody what they may not know.
local askers = require "gifd.flow.askers"
local auth = require "gifd.http.auth"
local asset_model = require "gifd.model.asset"
local count = require "gifd.model.count"
local evidence = require "gifd.flow.evidence"
local fields = require "gifd.http.fields"
local kinds = require "gifd.model.event_kinds"
local problem = require "gifd.http.problem"
local share_model = require "gifd.model.share"

local BODY_MAX, WORD_MAX = 1024, 64

local M = {}

local function own_page(req, base)
  local site = req.headers["sec-fetch-site"]
  return auth.same_origin(req, base) and (site == nil or site == "same-origin")
end

local function word(value) return type(value) == "string" and #value > 0 and #value <= WORD_MAX end

--- -> true (counted, or there is nothing to count), or nil, err
local function played(req, body)
  local share, err = share_model.find(body.share)
  if not share then return share == false or nil, err end
  if share.asset_id ~= body.asset_id then return true end
  local asset, asset_err = asset_model.find(share.asset_id)
  if not asset then return asset == false or nil, asset_err end
  local verdict, _, reason = evidence.judge("POST", req.headers)
  if verdict == 0 and reason == 0 then verdict, reason = kinds.HUMAN, kinds.PLAYED end
  local platform = kinds.platform_numbers[body.via] or kinds.platform_numbers.web
  return count.play(asset, share, kinds.kind(kinds.type_numbers.play, platform, verdict, reason),
    askers.own_text(req.headers["user-agent"] or ""))
end

function M.create(_, req, ctx)
  if not own_page(req, ctx.base) then
    return problem.reply(req, 403, "denied", "plays are told by the pages of this server")
  end
  local body, err = fields.json_body(BODY_MAX)
  if not body then return nil, err end
  for _, name in ipairs { "asset_id", "share" } do
    if not word(body[name]) then return nil, problem.fields { { keys = { name }, message = "must be a text" } } end
  end
  if req.headers.dnt ~= "1" and req.headers["sec-gpc"] ~= "1" then
    local done, play_err = played(req, body)
    if not done then return nil, play_err end
  end
  return { status = 204, headers = { ["Cache-Control"] = "no-store" } }
end

return M
