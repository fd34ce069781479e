-- prints: 1 nil
-- What can be put into a plugin's own table shadows nothing and reaches nobody.
return function()
  pcall(table.insert, string, "x")
  print(("x"):find("x"), pcall(function() return string.missing end) and 1 or nil)
end
