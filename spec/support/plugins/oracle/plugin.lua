-- A judge that says what its settings say, or is out of order.
return {
  name = "oracle", api = 1, version = "1.0.0", pixels = "pixels",
  config = schema.record {
    down = schema.boolean { default = false },
    says = schema.one_of { "approved", "flagged", "rejected", default = "approved" },
    category = schema.optional(schema.string {}),
    confidence = schema.optional(schema.number {}),
    slow = schema.optional(schema.number {}), -- seconds
    pixels = schema.optional(schema.boolean {}),
  },
}
