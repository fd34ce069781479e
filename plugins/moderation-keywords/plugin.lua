-- The word lists are settings, so that an operator changes them in config.lua and nowhere else:
--   plugins = { ["moderation-keywords"] = { categories = { hate_speech = { words = { ... } } }, allow = { ... } } }
-- A category that is named replaces the shipped one of that name; `categories = { spam = {...} }` alone keeps the
-- others.
local function category(doc)
  return schema.record({
    decision = schema.one_of { "rejected", "flagged", default = "rejected", doc = "what a match means" },
    confidence = schema.number { default = 0.95, min = 0, max = 1, doc = "told with the decision" },
    words = schema.list { of = schema.string { min = 1, max = 100 }, max = 2000,
      doc = "whole words or phrases, case ignored" },
  }, { doc = doc })
end

return {
  name = "moderation-keywords",
  api = 1,
  version = "1.0.0",
  summary = "Judges a share by whole words in its title, tags and description",
  uses = {},
  config = schema.record {
    categories = schema.map {
      of = category("one kind of words"), keys = "^[a-z][a-z0-9_]*$",
        keys_expect = "is not a category's name (a-z, 0-9, _)",
      default = {}, doc = "replaces or adds to the shipped categories nsfw, graphic_violence and hate_speech",
    },
    allow = schema.list {
      of = schema.string { min = 1, max = 100 }, max = 1000, default = {},
      doc = "phrases in which a listed word is innocent, besides the shipped ones",
    },
  },
}
