--- lines: which line of a Lua source a key of its returned table stands on.
--
-- What the text spells out is found: `return { ... }`, values that are tables themselves, a name that stands for a
-- `local name = { ... }`, and `name.key = ...` afterwards. A table that was computed has no lines of its own; a fault
-- then names the nearest thing around it that has one, in the end the `return`, or line 1. A tokenizer and one walk.
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
      finish = select(2, text:find("^%s+", at))
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
    local _, breaks = text:sub(at, finish):gsub("\n", "")
    line, at = line + breaks, finish + 1
  end
  return out
end

local opens = { ["{"] = true, ["("] = true, ["["] = true }
local closes = { ["}"] = true, [")"] = true, ["]"] = true }

local function sign(tok) return tok and tok.kind == "sign" and tok.text or nil end

-- What a line is known of: { line, name = another table that it is, keys = { key = the same } }
local function entry(line) return { line = line, keys = {} } end

local constructor

-- The value whose first token is toks[i], for `here`; returns the index of the sign that ends it.
local function value(toks, i, here)
  local depth, first = 0, i
  if toks[i] and toks[i].kind == "name" then here.name = toks[i].text end
  while toks[i] do
    local s = sign(toks[i])
    if depth == 0 and (s == "," or s == ";" or closes[s]) then break end
    if s == "{" then i = constructor(toks, i, depth == 0 and here or entry(toks[i].line))
    else
      if opens[s] then depth = depth + 1 elseif closes[s] then depth = depth - 1 end
      i = i + 1
    end
  end
  if i - first > 1 then here.name = nil end
  return i
end

-- A key in brackets whose "[" is toks[i] -> key, index behind "]"
local function bracketed(toks, i)
  local key = toks[i + 1]
  if sign(toks[i]) ~= "[" or not key or sign(toks[i + 2]) ~= "]" then return nil end
  return key.kind == "number" and tonumber(key.text) or key.text, i + 3
end

-- One table constructor whose "{" is toks[i]; fills here.keys; returns the index after its "}".
function constructor(toks, i, here)
  local position = 0
  i = i + 1
  while toks[i] and sign(toks[i]) ~= "}" do
    local line, key, behind = toks[i].line, bracketed(toks, i)
    if toks[i].kind == "name" then key, behind = toks[i].text, i + 1 end
    if key and sign(toks[behind]) == "=" and sign(toks[behind + 1]) ~= "=" then i = behind + 1
    else
      position = position + 1
      key = position
    end
    local inner = entry(line)
    here.keys[key] = inner
    local before = i
    i = value(toks, i, inner)
    if toks[i] and sign(toks[i]) ~= "}" then i = i + 1 elseif i == before then break end
  end
  return i + 1
end

-- `name.key["key"] = ...` at toks[i]; returns the index to go on at.
local function assignment(toks, i, names)
  local here, at = names[toks[i].text], i + 1
  while here do
    local key, following = bracketed(toks, at)
    if sign(toks[at]) == "." and toks[at + 1] then key, following = toks[at + 1].text, at + 2 end
    if not key then return i + 1 end
    here.keys[key] = here.keys[key] or entry(toks[i].line)
    here, at = here.keys[key], following
    if sign(toks[at]) == "=" and sign(toks[at + 1]) ~= "=" then
      if sign(toks[at + 1]) == "{" then return constructor(toks, at + 1, here) end
      if toks[at + 1] and toks[at + 1].kind == "name" then here.name = toks[at + 1].text end
      return at + 1
    end
  end
  return i + 1
end

-- What the source returns, as an entry; names: its local tables.
local function read(toks)
  local names, returned, i = {}, nil, 1
  while toks[i] do
    local t, following = toks[i], toks[i + 1]
    if t.kind == "name" and t.text == "return" then
      returned = entry(t.line)
      if sign(following) == "{" then i = constructor(toks, i + 1, returned)
      else
        returned.name = following and following.kind == "name" and following.text or nil
        i = i + 1
      end
    elseif t.kind == "name" and t.text == "local" and following and sign(toks[i + 2]) == "=" then
      names[following.text] = entry(following.line)
      if sign(toks[i + 3]) == "{" then i = constructor(toks, i + 3, names[following.text]) else i = i + 3 end
    elseif t.kind == "name" then
      i = assignment(toks, i, names)
    else
      i = i + 1
    end
  end
  return returned, names
end

--- A function line(keys) -> number or nil for the table that `text` returns.
function L.of(text)
  local root, names = read(tokens(text))
  return function(keys)
    local here, line = root, root and root.line
    for _, key in ipairs(keys) do
      if not here then break end
      local inner = here.keys[key] or here.name and names[here.name] and names[here.name].keys[key]
      here = inner
      if here then line = here.line end
    end
    return line or 1
  end
end

return L
