--- http/health: alive, and able to serve.
local catalogue = require "gifd.model.catalogue"

local M = {}

local function json(status, value) return { status = status, headers = { ["Cache-Control"] = "no-store" },
  json = value } end

function M.alive() return json(200, { status = "ok" }) end

--- Ready means: rows can be read and media can be looked at. A full disk still serves what is there, and is only told.
function M.ready(app)
  local reasons, warnings = {}, {}
  local readable, err = catalogue.readable()
  if not readable then reasons[1] = "the catalogue cannot be read: " .. tostring(err and err.code) end
  local facts = gifd.health.facts()
  if facts.media == false then reasons[#reasons + 1] = "the media process is not there" end
  if facts.disk_free and facts.disk_free < app.settings.uploads.disk_reserve then
    warnings[1] = "the disk is almost full: uploads are refused"
  end
  return json(#reasons == 0 and 200 or 503, {
    status = #reasons == 0 and "ready" or "unready", reasons = gifd.json.array(reasons),
      warnings = gifd.json.array(warnings),
    generation = facts.generation, version = gifd.server.version })
end

return M
