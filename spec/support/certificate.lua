--- certificate: self-signed ones for specs, and those of an authority with its OCSP responses, by openssl.
local M = {}

local new_key = { ec = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1", rsa = "-newkey rsa:2048" }

local function run(command, ...)
  assert(os.execute(command:format(...) .. " 2>/dev/null") == 0, "openssl failed: " .. command:format(...))
end

--- Makes FOLDER/NAME.crt and .key for this host; kind: "ec" or "rsa" -> both paths
function M.make(folder, name, host, days, kind)
  local crt, key = folder .. "/" .. name .. ".crt", folder .. "/" .. name .. ".key"
  run("openssl req -x509 %s -nodes -days %d -keyout %s.new -out %s.new -subj /CN=%s -addext subjectAltName=DNS:%s",
    new_key[kind or "ec"], days or 90, key, crt, host, host)
  run("mv %s.new %s && mv %s.new %s", key, key, crt, crt)
  return crt, key
end

local Authority = {}
Authority.__index = Authority

--- An authority in FOLDER; its own certificate is at .crt
function M.authority(folder)
  local self = setmetatable({ folder = folder, serial = 4096 }, Authority)
  self.crt, self.key = folder .. "/authority.crt", folder .. "/authority.key"
  run("openssl req -x509 %s -nodes -days 90 -keyout %s -out %s -subj /CN=authority", new_key.ec, self.key, self.crt)
  return self
end

--- FOLDER/NAME.crt, with the authority's behind it, and .key; days -1: it has expired -> both paths, its number in hex
function Authority:issue(name, host, days)
  local path = self.folder .. "/" .. name
  self.serial = self.serial + 1
  local serial = ("7A5C3D1E9B2F%04X"):format(self.serial)
  run("openssl req %s -nodes -keyout %s.key -out %s.csr -subj /CN=%s -addext subjectAltName=DNS:%s", new_key.ec, path,
    path, host, host)
  run("openssl x509 -req -in %s.csr -CA %s -CAkey %s -set_serial 0x%s -days %d -copy_extensions copyall "
    .. "-out %s.leaf", path, self.crt, self.key, serial, days or 90, path)
  run("cat %s.leaf %s > %s.crt", path, self.crt, path)
  return path .. ".crt", path .. ".key", serial
end

--- What its responder says of the certificate NAME: "V" good, "R" revoked -> DER
function Authority:response(name, serial, status)
  local path, index = self.folder .. "/" .. name, io.open(self.folder .. "/index.txt", "w")
  index:write(("%s\t301231235959Z\t%s\t%s\tunknown\t/CN=x\n"):format(status or "V",
    status == "R" and "200101000000Z" or "", serial))
  index:close()
  run("openssl ocsp -index %s/index.txt -CA %s -rsigner %s -rkey %s -issuer %s -cert %s.leaf -ndays 1 -respout %s.der",
    self.folder, self.crt, self.crt, self.key, self.crt, path, path)
  local f = assert(io.open(path .. ".der", "rb"))
  local bytes = f:read("*a")
  f:close()
  return bytes
end

return M
