--- plugin/deprecated: names of the plugin API that still work and will not in the next one, and where a plugin says
-- them.
--
-- A manifest's `api` is the number that its plugin was written for. Within a number nothing that a plugin can name goes
-- or changes its meaning; there may be more of it. What is to go stands here first, through at least one release: each
-- place is told with file and line when a generation is built (`gifd check`, a start, a reload), editors strike it
-- through, and the reference says what to use instead. Then the number grows.
local M = {}

--- The plugin API of this program.
M.api = 1

--- ["gifd.text.fold"] = "use gifd.text.lower": what is deprecated, by its whole name, and what to do about it.
M.names = {}

--- Code without what stands in comments and strings; lines stay where they are.
local function bare(text)
  local out, at = {}, 1
  local function blank(to)
    out[#out + 1] = text:sub(at, to):gsub("[^\n]", " ")
    at = to + 1
  end
  while at <= #text do
    local from = text:find("[%-%[\"']", at)
    if not from then break end
    out[#out + 1] = text:sub(at, from - 1)
    at = from
    local level = text:match("^%-%-%[(=*)%[", at) or text:match("^%[(=*)%[", at)
    local quote = text:match("^[\"']", at)
    if level then
      local _, to = text:find("]" .. level .. "]", at, true)
      blank(to or #text)
    elseif text:find("^%-%-", at) then blank((text:find("\n", at, true) or #text + 1) - 1)
    elseif quote then
      local to = at + 1
      while to <= #text and text:sub(to, to) ~= quote do to = to + (text:sub(to, to) == "\\" and 2 or 1) end
      blank(math.min(to, #text))
    else
      out[#out + 1] = text:sub(at, at)
      at = at + 1
    end
  end
  return table.concat(out) .. text:sub(at)
end

--- Where a file says what is deprecated -> array of { line, name, instead }
function M.uses(text, names)
  local out, line = {}, 0
  if next(names or M.names) == nil then return out end
  for content in (bare(text) .. "\n"):gmatch("(.-)\n") do
    line = line + 1
    for chain in content:gmatch("%f[%w_][%a_][%w_]*%.[%w_.]+") do
      while chain do
        local instead = (names or M.names)[chain]
        if instead then out[#out + 1] = { line = line, name = chain, instead = instead } end
        chain = chain:match("^(.+)%.[^.]*$")
      end
    end
  end
  return out
end

return M
