return { name = "hostile", api = 1, version = "1", summary = "Tries to hurt, for specs" }
