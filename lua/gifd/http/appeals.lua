--- http/appeals: /appeals/{code}: where one says why a refusal is wrong: a page with a form, by the signed link of the
-- page that says no, or as the share's owner. Programs send {"text"} as JSON.
local S = require "gifd.schema"
local appeal_flow = require "gifd.flow.appeal"
local appeal_model = require "gifd.model.appeal"
local asset_model = require "gifd.model.asset"
local fields = require "gifd.http.fields"
local page = require "gifd.http.page"
local problem = require "gifd.http.problem"
local share_flow = require "gifd.flow.share"
local share_model = require "gifd.model.share"

local BODY_MAX, TEXT_MAX = 32 * 1024, 4000

local M = {}

local schema = S.record { text = S.string { min = 1, max = TEXT_MAX } }

--- The share and its asset, for whoever has the link or the share -> share, asset, or false, or nil, err
local function find(req, ctx)
  local share, err = share_model.find(req.params.code)
  if not share then return share, err end
  if not ctx.signed and not share_flow.owns(ctx.identity, share) then return false end
  local asset, asset_err = asset_model.find(share.asset_id)
  if not asset then return nil, asset_err or gifd.err("internal", { message = "a share without its asset" }) end
  return share, asset
end

local function show(ctx, share, asset, status, fault)
  local p, err = appeal_model.of_share(share.id)
  if p == nil then return nil, err end
  if not p and not appeal_flow.refused(share, asset) then return false end
  return ctx.html(status, page.appeal(ctx.page { code = share.code, state = p and p.state or nil, fault = fault,
    most = TEXT_MAX }))
end

function M.get(_, req, ctx)
  local share, asset = find(req, ctx)
  if share == nil then return nil, asset end
  local reply, err = false, nil
  if share then reply, err = show(ctx, share, asset, 200) end
  if reply == nil then return nil, err end
  return reply or ctx.html(404, page.error(ctx.page { status = 404 }))
end

--- text=... of a form; nil when it is none
local function form_text(body)
  local text = ("&" .. body):match("&text=([^&]*)")
  return text and gifd.text.unuri((text:gsub("%+", " "))) or ""
end

--- -> the text, whether it came from a form; or nil, err
local function text_of(req)
  local form = (req.headers["content-type"] or ""):lower():match("^application/x%-www%-form%-urlencoded") ~= nil
  local body, err
  if form then
    body, err = gifd.request.body(BODY_MAX)
    body = body and { text = form_text(body) }
  else body, err = fields.json_body(BODY_MAX) end
  if not body then return nil, err end
  if type(body.text) == "string" then body.text = gifd.text.trim(body.text) end
  local values, faults = S.check(schema, body)
  if #faults == 0 and not gifd.text.valid_utf8(values.text) then
    faults = { { keys = { "text" }, message = "is not UTF-8" } }
  end
  if #faults > 0 then return nil, problem.fields(faults), form end
  return values.text, form
end

function M.create(app, req, ctx)
  local share, asset = find(req, ctx)
  if share == nil then return nil, asset end
  if not share then return problem.not_found(req) end
  local text, form, wrong_form = text_of(req)
  if not text then
    if wrong_form and form.errors then return show(ctx, share, asset, 422, form.message) end
    return nil, form
  end
  local done, err = appeal_flow.create(app, share, asset, text, ctx.identity)
  if not done and not (form and err.code == "conflict") then return nil, err end
  if form then
    return show(ctx, share, asset, done and 201 or 409) or problem.reply(req, 409, "conflict", tostring(err.message))
  end
  return { status = 201, headers = { ["Cache-Control"] = "no-store" }, json = { code = share.code, state = "open" } }
end

return M
