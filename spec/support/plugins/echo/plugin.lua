-- The manifest of a plugin for specs and conformance runs.
return { name = "echo", api = 1, version = "1.0.0", summary = "Answers what it was sent", uses = {},
  config = schema.record {} }
