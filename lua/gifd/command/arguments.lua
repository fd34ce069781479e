--- command/arguments: `--name value`, `--name=value` and plain words of a command's argument list.
--- allowed: { name = "value" | "flag" } -> options, words; or nil, message
return function(args, allowed)
  local options, words, i = {}, {}, 1
  while i <= #args do
    local name, value = args[i]:match("^%-%-([%a][%w-]*)=(.*)$")
    name = name or args[i]:match("^%-%-([%a][%w-]*)$")
    if not name then words[#words + 1] = args[i]
    elseif not allowed[name] then return nil, "there is no option --" .. name
    elseif allowed[name] == "flag" then options[name] = true
    else
      if not value then
        i = i + 1
        value = args[i]
      end
      if not value then return nil, "--" .. name .. " needs a value" end
      options[name] = value
    end
    i = i + 1
  end
  return options, words
end
