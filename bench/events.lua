-- events: for wrk: POSTs of EVENTS_BATCH events (1) of some 190 bytes each, of the asset EVENTS_ASSET.
require "report"
local asset, batch, i, reqs = os.getenv "EVENTS_ASSET", tonumber(os.getenv "EVENTS_BATCH" or 1), 0, {}
function init()
  wrk.headers["Content-Type"] = batch == 1 and "application/json" or "application/x-ndjson"
  for k = 1, 256 do
    local out = {}
    for n = 1, batch do
      out[n] = ('{"type":"view","asset_id":"%s","platform":"web","metadata":{"session":"s%08x",'
        .. '"ref":"https://example.test/page/%d","ua":"Mozilla/5.0 (X11; Linux x86_64) bench"}}')
        :format(asset, (k * 997 + n) % 2 ^ 32, n % 50)
    end
    reqs[k] = wrk.format("POST", wrk.path, wrk.headers, table.concat(out, "\n"))
  end
end
function request()
  i = i % #reqs + 1
  return reqs[i]
end
