--- http/signed_urls: POST /api/v1/signed-urls: a link to something of one's own for whoever is given it, for a while.
--
--   { path }      this one URL: /a/ID, /a/ID.EXT, /a/ID/RENDITION, /s/CODE, /s/CODE.EXT
--   { code }      the share's page, /s/CODE
--   { asset_id }  all media of the asset: the URL is good for every path that begins with /a/ID
local S = require "gifd.schema"
local asset_model = require "gifd.model.asset"
local fields = require "gifd.http.fields"
local moment = require "gifd.moment"
local problem = require "gifd.http.problem"
local share_flow = require "gifd.flow.share"
local share_model = require "gifd.model.share"
local signing = require "gifd.flow.signing"

local BODY_MAX, PARAMS_MAX = 16 * 1024, 16
local taken = { expires = true, kid = true, signature = true, prefix = true }

local M = {}

local schema = {
  path = S.string { max = 1024, optional = true },
  asset_id = S.string { max = 64, optional = true },
  code = S.string { max = 64, optional = true },
  expires_in = S.duration { min = 1, max = signing.longest },
  params = S.map { of = S.either { S.string { max = 256 }, S.integer {}, S.boolean {},
    expects = "must be a text, a whole number or true or false" }, keys = "^[%w_-]+$", optional = true },
}

local function fault(name, message) return nil, problem.fields { { keys = { name }, message = message } } end

--- What is to be signed -> { path, asset_id or code, whole = true for all media of the asset }
local function target(values)
  local given = {}
  for _, name in ipairs { "path", "asset_id", "code" } do
    if values[name] then given[#given + 1] = name end
  end
  if #given == 0 then return fault("path", "is required, or asset_id, or code") end
  if #given > 1 then return fault(given[2], "excludes " .. given[1]) end
  if values.asset_id then return { path = "/a/" .. values.asset_id, asset_id = values.asset_id, whole = true } end
  if values.code then return { path = "/s/" .. values.code, code = values.code } end
  local path = values.path
  local asset_id = path:match("^/a/(%x+)$") or path:match("^/a/(%x+)%.%w+$") or path:match("^/a/(%x+)/[%w_-]+%.?%w*$")
  if asset_id then return { path = path, asset_id = asset_id } end
  local code = path:match("^/s/([%w_-]+)$") or path:match("^/s/([%w_-]+)%.%w+$")
  if code then return { path = path, code = code } end
  return fault("path", "must be that of media or of a share, such as /a/ID.mp4 or /s/CODE")
end

--- Is it the asker's own, or is the asker an admin? What is not is as if it were not there.
local function own(identity, what)
  if what.code then
    local share, err = share_model.find(what.code)
    if share == nil then return nil, err end
    return share and share_flow.owns(identity, share)
  end
  local asset, err = asset_model.find(what.asset_id)
  if asset == nil then return nil, err end
  if not asset then return false end
  if identity:may("admin") then return true end
  return asset_model.has_share_of(asset.id, identity.account_id)
end

local function params_of(values, what)
  local out, count = {}, 0
  for name, value in pairs(values.params or {}) do
    count = count + 1
    if taken[name] then
      return nil, problem.fields { { keys = { "params", name }, message = "is what the signature itself uses" } }
    end
    out[name] = value
  end
  if count > PARAMS_MAX then return fault("params", ("must be at most %d"):format(PARAMS_MAX)) end
  if what.whole then out.prefix = what.path end
  return out
end

function M.create(_, _, ctx)
  local body, err = fields.json_body(BODY_MAX)
  if not body then return nil, err end
  local values, invalid = fields.check(schema, body)
  if not values then return nil, invalid end
  local what, wrong = target(values)
  if not what then return nil, wrong end
  local params, bad = params_of(values, what)
  if not params then return nil, bad end
  local mine, own_err = own(ctx.identity, what)
  if mine == nil then return nil, own_err end
  if not mine then return nil, gifd.err("not_found", { message = "there is nothing of yours at " .. what.path }) end
  local expires = math.floor(gifd.time.now() + values.expires_in)
  local url, url_err = signing.url(what.path, { expires = expires, params = params })
  if not url then return nil, url_err end
  return { status = 200, headers = { ["Cache-Control"] = "no-store" },
    json = { url = ctx.base .. url, expires_at = moment.text(expires * 1e6) } }
end

return M
