-- The manifest of a plugin for specs.
return { name = "whoami", api = 1, version = "1.0.0", summary = "Says whom it takes its caller for", uses = {},
  config = schema.record {} }
