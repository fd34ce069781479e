-- The manifest of a plugin for specs: it keeps things, in rows and by key, and counts, and tells.
return { name = "ledger", api = 1, version = "1.0.0", summary = "Keeps, counts and tells", uses = { "bus", "crypto",
  "db", "kv" }, config = schema.record {} }
