std = "luajit"
max_line_length = 120
codes = true
read_globals = { "gifd" }
exclude_files = { "build*/**", "lua/gifd/types/**", "**/node_modules/**" }
files["**/plugin.lua"] = { read_globals = { "schema" } }
files["bench/miss.lua"] = { globals = { "wrk", "init", "request" } }
files["bench/events.lua"] = { globals = { "wrk", "init", "request" } }
files["spec/support/plugins/**"] = { read_globals = { "schema" } }
files["plugins/*/*.lua"] = { read_globals = { "schema" } }
files["lua/gifd/testing/**"] = { globals = { "gifd" } }
files["spec/**"] = { std = "+busted" }
files["plugins/*/spec/**"] = { std = "+busted" }
files["spec/host/hostile/**"] = { ignore = { "1..", "2..", "3.." } } -- what they do wrong is their purpose
