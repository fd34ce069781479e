-- Has secrets, and tells them wherever it can: nobody may hear them.
return {
  name = "keeper", api = 1, version = "1.0.0",
  summary = "Tells its secrets to everybody",
  uses = { "crypto" },
  config = schema.record {
    token = schema.secret { env = "KEEPER_TOKEN", doc = "of the environment" },
    more = schema.list { max = 4, default = {}, doc = "places",
      of = schema.record { key = schema.secret { doc = "of one place" } } },
    refuse = schema.boolean { default = false, doc = "its check fails" },
  },
}
