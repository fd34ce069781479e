-- The lists are in languages/; what an operator adds stands in a file of rules of the same form:
--   plugins = { ["moderation-words"] = { rules = file("words.txt"), allow = { "sex education" } } }
return {
  name = "moderation-words",
  api = 1,
  version = "1.0.0",
  summary = "Judges a share by the words of its title, tags and description, also when they are disguised",
  uses = {},
  config = schema.record {
    languages = schema.list {
      of = schema.one_of { "en", "de", "fr", "es", "pt", "it", "ru", "tr" }, max = 8,
      default = { "en", "de", "fr", "es", "pt", "it", "ru", "tr" }, doc = "whose shipped lists count",
    },
    rules = schema.string { default = "", max = 1048576,
      doc = 'further rules, as in languages/en.lua; file("words.txt") reads them' },
    allow = schema.list { of = schema.string { min = 1, max = 100 }, max = 1000, default = {},
      doc = "phrases in which a listed word is innocent, besides the shipped ones" },
  },
}
