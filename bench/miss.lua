-- A script of wrk: GET {path}c{0..9999}?n={1, 2, 3 ...}: no address is asked for twice, so no reply is a kept one.
require "report"
local codes, i = {}, 0

function init()
  local seed = 12345
  for k = 1, 4096 do
    seed = (seed * 1103515245 + 12345) % 2147483648
    codes[k] = ("GET %sc%d?n="):format(wrk.path, seed % 10000)
  end
  i = os.time() * 1000000
end

local rest = " HTTP/1.1\r\nHost: %s\r\n\r\n"

function request()
  i = i + 1
  return codes[i % 4096 + 1] .. ("%.0f"):format(i) .. rest:format(wrk.headers["Host"])
end
