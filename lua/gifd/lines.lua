--- lines: which line of a Lua source a key of its returned table stands on.
--
-- Only what `return { ... }` (or `return f { ... }`, f("...") values and so on) spells out literally is found; a
-- table that was computed has no line, and a fault then names the file alone. A tokenizer and one walk over table
-- constructors.
local L = {}

local function long_end(text, at)
  local level = text:match("^%[(=*)%[", at)
  if not level then return nil end
  local _, finish = text:find("]" .. level .. "]", at, true)
  return finish or #text
end

--- Array of { kind = "name"|"string"|"number"|"sign", text, line }
local function tokens(text)
  local out, at, line = {}, 1, 1
  local function take(kind, finish, value)
    out[#out + 1] = { kind = kind, text = value or text:sub(at, finish), line = line }
  end
  while at <= #text do
    local c = text:sub(at, at)
    local finish
    if text:find("^%-%-", at) then
      finish = long_end(text, at + 2) or (text:find("\n", at, true) or #text + 1) - 1
    elseif c:match("%s") then
      finish = at
    elseif c:match("[%a_]") then
      finish = select(2, text:find("^[%w_]+", at))
      take("name", finish)
    elseif c:match("%d") then
      finish = select(2, text:find("^[%w%.]+", at))
      take("number", finish)
    elseif c == '"' or c == "'" then
      finish = at + 1
      while finish <= #text and text:sub(finish, finish) ~= c do
        finish = finish + (text:sub(finish, finish) == "\\" and 2 or 1)
      end
      take("string", finish, text:sub(at + 1, finish - 1))
    elseif c == "[" and long_end(text, at) then
      finish = long_end(text, at)
      take("string", finish, "")
    else
      finish = at
      take("sign", finish)
    end
    for _ in text:sub(at, finish):gmatch("\n") do line = line + 1 end
    at = finish + 1
  end
  return out
end

local opens = { ["{"] = true, ["("] = true, ["["] = true }
local closes = { ["}"] = true, [")"] = true, ["]"] = true }

-- One table constructor whose "{" is toks[i]; fills out[path] = line; returns the index after its "}".
local function constructor(toks, i, prefix, out)
  local position = 0
  i = i + 1
  while toks[i] and toks[i].text ~= "}" do
    local t, key = toks[i]
    local following = toks[i + 1] and toks[i + 1].text
    if t.kind == "name" and following == "=" and not (toks[i + 2] and toks[i + 2].text == "=") then
      key, i = t.text, i + 2
    elseif t.kind == "sign" and t.text == "[" and toks[i + 1] and toks[i + 2] and toks[i + 2].text == "]" then
      key, i = toks[i + 1].kind == "number" and tonumber(toks[i + 1].text) or toks[i + 1].text, i + 4
    else
      position = position + 1
      key = position
    end
    local path = prefix .. "\0" .. tostring(key)
    out[path] = t.line
    local depth = 0
    while toks[i] do
      local s = toks[i].kind == "sign" and toks[i].text or nil
      if depth == 0 and (s == "," or s == ";" or s == "}") then break end
      if s == "{" then i = constructor(toks, i, depth == 0 and path or path .. "\0?", out)
      else
        if s and opens[s] then depth = depth + 1 elseif s and closes[s] then depth = depth - 1 end
        i = i + 1
      end
    end
    if toks[i] and (toks[i].text == "," or toks[i].text == ";") then i = i + 1 end
  end
  return i + 1
end

--- A function line(keys) -> number or nil for the table that `text` returns.
function L.of(text)
  local toks, out = tokens(text), {}
  for i = #toks, 1, -1 do
    if toks[i].kind == "name" and toks[i].text == "return" and toks[i + 1] and toks[i + 1].text == "{" then
      constructor(toks, i + 1, "", out)
      break
    end
  end
  return function(keys)
    for n = #keys, 1, -1 do
      local path = ""
      for k = 1, n do path = path .. "\0" .. tostring(keys[k]) end
      if out[path] then return out[path] end
    end
  end
end

return L
