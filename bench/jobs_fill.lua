-- jobs_fill: for bench/jobs.lua: COUNT jobs of the plugin idler: gifd lua FILE --data DIR NAME PRIORITY PAYLOAD COUNT.
-- Prints the seconds that it took.
local name, priority, payload, count = arg[1], tonumber(arg[2]), arg[3], tonumber(arg[4])
local AT_ONCE = 500

local began = gifd.time.now()
for first = 1, count, AT_ONCE do
  gifd.try(gifd.db.run([[
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?5)
    INSERT INTO jobs (name, lane, plugin, payload, state, priority, run_after, created_at, updated_at)
    SELECT 'job ' || ?1, 'plugin', 'idler', ?3, 'pending', ?2, ?4, ?4, ?4 FROM n]],
    name, priority, payload, math.floor(gifd.time.now() * 1e6), math.min(AT_ONCE, count - first + 1)))
end
print(gifd.time.now() - began)
