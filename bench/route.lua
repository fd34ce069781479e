-- The configuration of the benchmark of routes.
return { plugins = { routed = true } }
