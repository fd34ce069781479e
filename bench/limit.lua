-- The configuration of the benchmark of limits: a route that nearly always admits, and one that always refuses.
return {
  limits = {
    ["GET /a/{id}"] = { strategy = "token_bucket", rate = 1000000, per = "1s", by = { "ip" } },
    ["GET /oembed"] = { strategy = "token_bucket", rate = 1, per = "1h", by = { "ip" } },
  },
  plugins = { limited = true },
}
