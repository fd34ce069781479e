-- The manifest of a plugin for specs: durable jobs, driven by routes.
return { name = "worker", api = 1, version = "1.0.0", summary = "Works when told to", uses = {},
  config = schema.record { every = schema.integer { default = 3600, min = 1, max = 86400 } } }
