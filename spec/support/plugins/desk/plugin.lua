-- The manifest of a plugin for specs: routes by the contract, and the product's data.
return { name = "desk", api = 1, version = "1.0.0", summary = "Routes of all sorts",
  uses = { "shares.read", "shares.write", "assets.read", "shares.count" }, config = schema.record {} }
