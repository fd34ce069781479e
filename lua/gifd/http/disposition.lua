--- http/disposition: Content-Disposition with a name that is safe to save under (RFC 6266, RFC 8187). Pure.
--
-- A name comes from a stranger: from a title or from the query. What a file system, a shell or an eye could take for
-- something else is taken out, and the extension is always that of the bytes.
local M = {}

local CHARACTERS, BYTES = 100, 200

-- Bytes of UTF-8 that change how a name is shown, or are not shown at all: NEL, zero-width, marks and overrides of
-- direction, line and paragraph separators, the byte order mark.
local unseen = { "\194[\128-\159]", "\226\128[\139-\143]", "\226\128[\168-\174]", "\226\129[\160-\175]",
  "\239\187\191", "\216\156" }

local reserved = { con = true, prn = true, aux = true, nul = true }
for i = 0, 9 do reserved["com" .. i], reserved["lpt" .. i] = true, true end

local function cut(text)
  local count, last = 0, 0
  for at, char in text:gmatch("()([%z\1-\127\194-\244][\128-\191]*)") do
    if count == CHARACTERS or at + #char - 1 > BYTES then break end
    count, last = count + 1, at + #char - 1
  end
  return text:sub(1, last)
end

local function bare(text) return (text:gsub("^[%s.]+", ""):gsub("[%s.]+$", "")) end

--- A stranger's text as a file's name with this extension, or nil when nothing is left of it.
function M.name(text, extension)
  for _, pattern in ipairs(unseen) do text = text:gsub(pattern, "") end
  text = text:gsub("%c", " "):gsub('[/\\:*?"<>|]', "_"):gsub("%s+", " ")
  text = bare(text)
  local ending = "." .. extension
  if text:sub(-#ending):lower() == ending then text = bare(text:sub(1, -#ending - 1)) end
  text = bare(cut(text))
  if text == "" then return nil end
  if reserved[text:lower():match("^[^.]*")] then text = "_" .. text end
  return text .. ending
end

local function encoded(text)
  return (text:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

--- "attachment; filename=..." for the first of `wanted` that is good for a name; `fallback` is one of ours.
function M.attachment(wanted, fallback, extension)
  local name
  for i = 1, #wanted do name = name or M.name(wanted[i], extension) end
  name = name or fallback .. "." .. extension
  local plain = name:gsub("[\194-\244][\128-\191]*", "_"):gsub("[^ -~]", "_"):gsub("%%", "_")
  if plain == name then return ('attachment; filename="%s"'):format(plain) end
  return ("attachment; filename=\"%s\"; filename*=UTF-8''%s"):format(plain, encoded(name))
end

return M
