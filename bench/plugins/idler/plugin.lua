return { name = "idler", api = 1, version = "1.0.0", summary = "Jobs that do nothing, or wait" }
