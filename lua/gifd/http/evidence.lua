--- http/evidence: what hooks failed to do for an asset or a share, for its owner and for admins. What exactly went
-- wrong (places in a plugin's files) is the operator's alone.
local fault_model = require "gifd.model.fault"
local moment = require "gifd.moment"

--- Adds `hook_failures` to the JSON of a thing -> json, or nil, err
return function(json, ctx, kind, id)
  local rows, err = fault_model.of(kind, id)
  if not rows then return nil, err end
  local list, admin = {}, ctx.identity:may("admin")
  for i, row in ipairs(rows) do
    list[i] = { hook = row.hook, plugin = row.plugin, version = row.version, code = row.code,
      detail = admin and row.detail or nil, at = moment.text(row.created_at) }
  end
  json.hook_failures = gifd.json.array(list)
  return json
end
