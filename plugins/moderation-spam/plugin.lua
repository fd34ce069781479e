-- Every bound is a setting: plugins = { ["moderation-spam"] = { rate = 30, duplicates = 2 } }
return {
  name = "moderation-spam",
  api = 1,
  version = "1.0.0",
  summary = "Judges a share by how much, how often and what its account shares: rate, duplicates, links, tags",
  uses = {},
  config = schema.record {
    window = schema.duration { default = "1h", min = 1, max = 86400, doc = "that is looked back on" },
    rate = schema.integer { default = 60, min = 1, max = 200, doc = "shares of an account in a window" },
    duplicates = schema.integer { default = 3, min = 1, max = 200,
      doc = "shares of the same title, or the same file, of an account in a window" },
    links = schema.integer { default = 0, min = 0, max = 100, doc = "links in title and tags" },
    tags = schema.integer { default = 30, min = 1, max = 1000, doc = "tags of a share" },
    new_account = schema.duration { default = "1d", min = 0, max = 366 * 86400, doc = "how long an account is new" },
    new_rate = schema.integer { default = 20, min = 1, max = 200, doc = "shares of a new account in a window" },
    new_links = schema.integer { default = 0, min = 0, max = 100, doc = "links in all words of a new account's share" },
    decision = schema.one_of { "flagged", "rejected", default = "flagged", doc = "what a broken rule means" },
  },
}
