-- The manifest of a plugin for specs: hooks that fail in chosen ways, by words of a title.
return { name = "fickle", api = 1, version = "1.0.0", summary = "Fails as it is asked to", uses = {},
  config = schema.record { slow = schema.integer { default = 0, min = 0, max = 60000 } } }
