--- http/address: URLs of this server, absolute, without trusting a Host field that anybody may send.
--
-- site.base_url when it is configured. Otherwise the host that a trusted proxy says its client asked for (host_told),
-- or the request's own, if that is an address of this machine: a loopback name, an address that config.lua listens
-- on, or any literal IP address when it listens on all of them; else the first address listened on. So no name of a
-- stranger's choice gets into a page, a link or what a cache keeps.
local M = {}

local function hostname(host) return host:match("^%[[%x:%.]+%]") or host:match("^[^:]+") or "" end

local function is_literal(name)
  return name:match("^%d+%.%d+%.%d+%.%d+$") ~= nil or name:match("^%[[%x:%.]+%]$") ~= nil
end

local function is_plain(host) return host:match("^[%w%.%-%[%]:]+$") ~= nil and #host <= 255 end

--- Pure: may links be made with this host?
function M.believed(host, listen)
  if not is_plain(host) then return false end
  local name = hostname(host):lower()
  if name == "localhost" or name:match("^127%.%d+%.%d+%.%d+$") or name == "[::1]" then return true end
  for _, entry in ipairs(listen) do
    local own = hostname(entry.address)
    if own == name then return true end
    if (own == "0.0.0.0" or own == "[::]") and is_literal(name) then return true end
  end
  return false
end

local function told(settings, host, host_told, scheme)
  if is_plain(host) and (host_told or M.believed(host, settings.listen)) then
    return (scheme or "http") .. "://" .. host
  end
  return (gifd.server.urls and gifd.server.urls[1]) or ("http://" .. settings.listen[1].address)
end

local last = {} -- most requests ask what the one before has asked

--- "https://gifs.example.org" without a slash at its end
function M.base(settings, req)
  local base = settings.site.base_url
  if base then return (base:gsub("/+$", "")) end
  local host, host_told, scheme = req and req.host or "", req and req.host_told, req and req.scheme
  if last.settings == settings and last.host == host and last.host_told == host_told and last.scheme == scheme then
    return last.base
  end
  base = told(settings, host, host_told, scheme)
  last = { settings = settings, host = host, host_told = host_told, scheme = scheme, base = base }
  return base
end

return M
