--- http/vary: adds a request field to what a reply depends on, once.
return function(headers, name)
  local have = headers.Vary
  if not have then headers.Vary = name
  elseif not ((", " .. have .. ","):lower():find(", " .. name:lower() .. ",", 1, true)) then
    headers.Vary = have .. ", " .. name
  end
end
