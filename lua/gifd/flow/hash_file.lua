--- flow/hash_file: lists of hashes as CSV (RFC 4180), in and out, a part at a time, however long they are.
--
--   list,kind,hash,distance,category,reason
--   ban,pdq,f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22,31,illegal,"list of 2030, part 1"
--
-- The first line names the columns, in any order; others than these are passed over. A line that is wrong is told with
-- its number, and the others count.
local categories = require "gifd.flow.categories"
local listed = require "gifd.flow.listed"
local model = require "gifd.model.listed"

local M = {}

local columns = { list = true, kind = true, hash = true, distance = true, category = true, reason = true }
local LINE_MAX, REASON_MAX = 8192, 500

--- One line -> its fields, or nil, what is wrong with it
local function split(line)
  if not line:find('"', 1, true) then
    local out, n = {}, 0
    for field in (line .. ","):gmatch("([^,]*),") do
      n = n + 1
      out[n] = field
    end
    return out
  end
  local out, at = {}, 1
  while true do
    if line:sub(at, at) == '"' then
      local text, from = "", at + 1
      while true do
        local quote = line:find('"', from, true)
        if not quote then return nil, "a quote has no end (a field is of one line)" end
        text = text .. line:sub(from, quote - 1)
        at = quote + 1
        if line:sub(at, at) ~= '"' then break end
        text, from = text .. '"', at + 1
      end
      out[#out + 1] = text
    else
      local comma = line:find(",", at, true) or #line + 1
      out[#out + 1] = line:sub(at, comma - 1)
      at = comma
    end
    if at > #line then return out end
    if line:sub(at, at) ~= "," then return nil, "there is more behind a quote" end
    at = at + 1
  end
end

--- Fields -> entry, or nil, what is wrong with it. default: the list where none is named.
local function entry_of(fields, place, default)
  local function at(name)
    local value = place[name] and fields[place[name]]
    return value ~= "" and value or nil
  end
  local hash, list, kind, category = at "hash", at "list" or default, at "kind", at "category" or "unknown"
  if not hash then return nil, "there is no hash" end
  if #hash ~= 64 or hash:find("%X") then return nil, "hash must be 64 hex digits" end
  if list ~= "ban" and list ~= "allow" then return nil, "list must be ban or allow" end
  if kind == nil then kind = "sha256" end
  if kind ~= "sha256" and kind ~= "pdq" then return nil, "kind must be sha256 or pdq" end
  if not categories.known(category) or category == "safe" and list == "ban" then
    return nil, "there is no category " .. category:sub(1, 40)
  end
  local text, distance = at "distance", kind == "pdq" and listed.distance or 0
  if kind == "pdq" and text then
    distance = text:match("^%d%d?$") and tonumber(text)
    if not distance or distance > listed.distance_max then
      return nil, ("distance must be 0 to %d"):format(listed.distance_max)
    end
  end
  local reason = at "reason" or ""
  if #reason > REASON_MAX or not gifd.text.valid_utf8(reason) then
    return nil, ("reason must be UTF-8 of at most %d bytes"):format(REASON_MAX)
  end
  return { list = list, kind = kind, hash = hash:lower(), distance = distance, category = category, reason = reason }
end

--- The first line -> { [column] = place }, or nil, what is wrong with it
local function places(line)
  local names, wrong = split((line:gsub("^\239\187\191", "")))
  if not names then return nil, wrong end
  local out = {}
  for i, name in ipairs(names) do
    name = gifd.text.trim(name):lower()
    if columns[name] then out[name] = i end
  end
  if not out.hash then return nil, "the first line must name the columns, and hash among them" end
  return out
end

--- Each line of what read() gives part by part (nil at the end) -> nothing, or nil, err. A line without end is cut.
local function lines(read, each)
  local rest, number = "", 0
  while true do
    local part, err = read()
    if err then return nil, err end
    local text, from = rest .. (part or ""), 1
    while true do
      local stop = text:find("\n", from, true)
      if not stop then break end
      number = number + 1
      local done, each_err = each(number, text:sub(from, text:byte(stop - 1) == 13 and stop - 2 or stop - 1))
      if not done then return nil, each_err end
      from = stop + 1
    end
    rest = text:sub(from, not part and -1 or from + 2 ^ 20)
    if not part then return rest == "" or each(number + 1, (rest:gsub("\r$", ""))) end
  end
end

--- read() -> a part of the file, nil at the end; wrong(line, why) is told. default: the list of lines that name none.
-- -> how many were right, how many wrong; or nil, err
function M.import(app, read, default, by, wrong)
  local place, batch, good, bad = nil, {}, 0, 0
  local function flush()
    if not batch[1] then return true end
    local done, err = listed.put(app, batch, by, "import")
    batch = {}
    return done and true, err
  end
  local done, err = lines(read, function(number, line)
    if not place then
      local why
      place, why = places(line)
      if not place then return nil, gifd.err("invalid", { message = "line 1: " .. why }) end
      return true
    end
    if line == "" then return true end
    local fields, why = nil, "is too long"
    if #line <= LINE_MAX then fields, why = split(line) end
    local entry = fields
    if fields then entry, why = entry_of(fields, place, default) end
    if not entry then
      bad = bad + 1
      wrong(number, why)
      return true
    end
    good, batch[#batch + 1] = good + 1, entry
    if #batch < model.at_once then return true end
    return flush()
  end)
  if done then done, err = flush() end
  if not done then return nil, err end
  return good, bad
end

local function quoted(text)
  if not text:find('[",\r\n]') then return text end
  return '"' .. text:gsub("[\r\n]+", " "):gsub('"', '""') .. '"'
end

--- write(text) is given part by part. filter: as of model/listed.list -> true, or nil, err
function M.export(filter, write)
  write "list,kind,hash,distance,category,reason\n"
  local after, page = 0, 5000
  repeat
    local rows, err = model.list(filter, after, page)
    if not rows then return nil, err end
    local out = {}
    for i, e in ipairs(rows) do
      out[i] = ("%s,%s,%s,%d,%s,%s\n"):format(e.list, e.kind, e.hash, e.distance, e.category, quoted(e.reason))
    end
    write(table.concat(out))
    after = rows[1] and rows[#rows].id
  until #rows < page
  return true
end

return M
