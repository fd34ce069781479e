-- The manifest of a plugin for specs: a slow judge.
return { name = "ponder", api = 1, version = "1.0.0", summary = "Takes its time", uses = {},
  config = schema.record { seconds = schema.number { default = 1, min = 0, max = 60 } } }
