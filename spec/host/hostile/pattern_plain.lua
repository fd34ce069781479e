-- prints: nil
-- Long and alike, but searched in one pass.
return function() print((("a"):rep(3e6):find(("a"):rep(1e6) .. "b", 1, true))) end
