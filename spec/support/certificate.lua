--- certificate: self-signed ones for specs, by openssl.
local M = {}

--- Makes FOLDER/NAME.crt and .key for this host; days may be past -> both paths
function M.make(folder, name, host, days)
  local crt, key = folder .. "/" .. name .. ".crt", folder .. "/" .. name .. ".key"
  local command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days %d -keyout %s.new "
    .. "-out %s.new -subj /CN=%s -addext subjectAltName=DNS:%s 2>/dev/null && mv %s.new %s && mv %s.new %s"
  assert(os.execute(command:format(days or 90, key, crt, host, host, key, key, crt, crt)) == 0, "openssl failed")
  return crt, key
end

return M
