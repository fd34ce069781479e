-- Whoever looks at pixels is somebody else's program:
--   plugins = { ["moderation-pixels"] = { url = "https://looker.example.org/judge",
--     secret = secret { env = "LOOKER_SECRET" } } }
return {
  name = "moderation-pixels",
  api = 1,
  version = "1.0.0",
  summary = "Asks a judge of your own, over HTTP, about sampled pictures",
  uses = { "fetch:{url}", "blob.read", "crypto" },
  pixels = "url",
  config = schema.record({
    url = schema.optional(schema.url {
      doc = "who is asked, a name or an IPv4 address; nothing: nobody, and this judge has no opinion" }),
    secret = schema.optional(schema.secret { min = 8, doc = "that the other side knows gifd by" }),
    auth = schema.one_of { "hmac", "bearer", default = "hmac",
      doc = "how: a signature of the request in X-Gifd-Signature, or the secret itself in Authorization" },
    frames = schema.integer { default = 4, min = 1, max = 16, doc = "pictures of one asset that are sent" },
    side = schema.integer { default = 512, min = 16, max = 1024, doc = "pixels of their longest side, at most" },
    timeout = schema.duration { default = "20s", min = 0.1, max = 240, doc = "of one question, its retries among it" },
    retries = schema.integer { default = 2, min = 0, max = 5, doc = "before the judge fails for now" },
  }, { rules = { { "secret", needs = "url" } } }),
}
