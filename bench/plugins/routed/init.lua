--- routed: what an endpoint of a plugin costs: GET /p/routed/ answers 100 bytes of JSON, made anew each time.
return { routes = {
  ["GET /"] = { auth = "public", run = function()
    return { json = { id = 1234567, name = "a trivial endpoint", ok = true, tags = { "one", "two", "three" },
      text = ("x"):rep(14) } }
  end },
} }
