--- flow/trust: how far an uploader is trusted: by a scope, and by config.lua for a token or an account by name.
local M = {}

local scrutinies = { review = "review", strict = "strict" }

--- -> trusted (what no judge objects to is approved), scrutiny ("review", "strict" or nil)
function M.of(settings, identity)
  local by, named = settings.moderation, nil
  if identity.kind == "token" and identity.name ~= "" then named = by.tokens[identity.name] end
  named = named or by.accounts[identity.account]
  if not named or named == "usual" then return identity:trusted(), nil end
  return named == "approve", scrutinies[named]
end

return M
