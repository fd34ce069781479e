-- The manifest of a plugin for specs: writes into the log what it is told.
return { name = "witness", api = 1, version = "1.0.0", summary = "Logs what it is told", uses = {},
  config = schema.record {} }
