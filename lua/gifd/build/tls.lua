--- build/tls: certificates of listeners: held against their keys while the configuration is checked, and written down
-- as C reads them.
--
-- A key that is a secret stays out of every bundle and out of Lua: settings name its file, or { env = NAME } when the
-- environment holds its text.
local mark = require "gifd.schema.mark"

local build = gifd.build

local M = {}

--- -> path of a file or name of a variable, whether it is a variable
local function place_of(key)
  local what = mark.of(key)
  if not what then return key, false end
  if what.from == "credential" then return build.env("CREDENTIALS_DIRECTORY") .. "/" .. what.name, false end
  return what.name, what.from == "env"
end

--- config: as gifd.build.configuration reads it; complains of pairs that do not fit. settings: the copy of what was
-- checked that becomes settings.json
function M.finish(config, settings)
  for i, entry in ipairs(settings.listen) do
    for k, pair in ipairs(type(entry) == "table" and entry.tls or {}) do
      local key, in_env = place_of(pair.key)
      local whole, message, field = build.pair { cert = pair.cert, key = key, key_in_env = in_env,
        staple = pair.staple }
      if whole then
        pair.cert, pair.staple, pair.key = whole.cert, whole.staple, in_env and { env = whole.key } or whole.key
      else
        config:complain({ "listen", i, "tls", k, field }, message)
      end
    end
  end
end

return M
