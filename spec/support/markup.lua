--- markup: reads HTML the way a browser's tokenizer does, as far as the pages go, so that specs can see what a page
-- really says: elements with their attributes decoded, and text. Anything that would need error recovery is thrown.
local M = {}

local void = { meta = true, link = true, img = true, input = true, source = true, br = true, path = true }
local names = { amp = "&", lt = "<", gt = ">", quot = '"' }

local function decode(text)
  return (text:gsub("&(#?)(%w+);", function(number, name)
    if number == "#" then return string.char(tonumber(name)) end
    return assert(names[name], "unknown entity " .. name)
  end))
end

local function attributes(inside)
  local out, at = {}, 1
  while true do
    local _, stop = inside:find("^[%s/]*", at)
    at = stop + 1
    if at > #inside then return out end
    local name, after = inside:match("^([%w:_-]+)()", at)
    assert(name, "no attribute at: " .. inside:sub(at, at + 40))
    assert(not out[name], "an attribute twice: " .. name)
    local value, after_value = inside:match('^="([^"]*)"()', after)
    assert(value or not inside:find("^=", after), "an attribute without quotes: " .. name)
    out[name], at = value and decode(value) or "", after_value or after
    out[#out + 1] = name
  end
end

--- -> list of { tag, attributes, text (of it and what is in it) }; attributes also list their names in order
function M.elements(html)
  local out, open, at = {}, {}, 1
  local function text(raw)
    assert(not raw:find("<", 1, true), "a bare < in text")
    for _, element in ipairs(open) do element.text = element.text .. decode(raw) end
  end
  while true do
    local start = html:find("<", at, true)
    text(html:sub(at, (start or #html + 1) - 1))
    if not start then break end
    -- A ">" inside quotes ends nothing.
    local stop = start + 1
    local quoted = false
    while html:sub(stop, stop) ~= ">" or quoted do
      if html:sub(stop, stop) == '"' then quoted = not quoted end
      stop = stop + 1
      assert(stop <= #html, "a tag without end")
    end
    local inside = html:sub(start + 1, stop - 1)
    local closes, tag, rest = inside:match("^(/?)(%a[%w]*)(.*)$")
    if tag and closes == "" then
      local element = { tag = tag, attributes = attributes(rest), text = "" }
      out[#out + 1] = element
      if not void[tag] then open[#open + 1] = element end
    elseif tag then
      local last = table.remove(open)
      assert(last and last.tag == tag, "</" .. tag .. "> closes " .. (last and last.tag or "nothing"))
    else
      assert(inside:lower() == "!doctype html", "not a tag: " .. inside)
    end
    at = stop + 1
  end
  assert(#open == 0, "left open: " .. (open[1] and open[1].tag or ""))
  return out
end

--- The first element with this tag, and this attribute (with this value) if it is asked for
function M.find(elements, tag, attribute, value)
  for _, element in ipairs(elements) do
    local has = element.attributes[attribute or ""]
    if element.tag == tag and (not attribute or (has and (value == nil or has == value))) then return element end
  end
end

--- Tags and attribute names alone: what the page is, whatever it says
function M.shape(elements)
  local out = {}
  for i, element in ipairs(elements) do out[i] = element.tag .. " " .. table.concat(element.attributes, " ") end
  return table.concat(out, "\n")
end

return M
