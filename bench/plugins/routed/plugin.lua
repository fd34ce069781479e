return { name = "routed", api = 1, version = "1.0.0", summary = "An endpoint that answers 100 bytes of JSON" }
