-- The manifest of a plugin for specs: works on everybody's shares.
return { name = "clerk", api = 1, version = "1.0.0", summary = "Keeps the books of all",
  uses = { "shares.read.any", "shares.write.any", "assets.read.any", "shares.read" }, config = schema.record {} }
