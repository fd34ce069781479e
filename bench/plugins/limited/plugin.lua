return { name = "limited", api = 1, version = "1.0.0", summary = "An endpoint behind a limiter of its own" }
