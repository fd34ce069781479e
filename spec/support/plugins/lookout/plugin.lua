-- The manifest of a plugin for specs: a judge that looks, and remembers by what the index finds.
return { name = "lookout", api = 1, version = "1.0.0", summary = "Knows again what it has seen",
  uses = { "blob.read", "media.near" }, config = schema.record { frames = schema.integer { default = 4 } } }
