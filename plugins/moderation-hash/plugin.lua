-- What resembles something rejected: how near is near, and what that means.
return {
  name = "moderation-hash",
  api = 1,
  version = "1.0.0",
  summary = "Judges a picture by those that were rejected before and look like it",
  uses = { "media.near", "assets.read.any" },
  config = schema.record {
    distance = schema.integer { default = 31, min = 0, max = 64,
      doc = "bits of 256 in which two pictures may differ and still are the same" },
    decision = schema.one_of { "flagged", "rejected", default = "flagged",
      doc = "what it means to look like something rejected" },
  },
}
