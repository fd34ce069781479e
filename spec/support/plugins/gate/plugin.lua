return { name = "gate", api = 1, version = "1.0.0", summary = "limits of its own, for specs" }
