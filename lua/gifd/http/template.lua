--- template: text with holes, compiled once and filled many times. Pure: stands on nothing but gifd.text.
--
--   {{name}}  {{share.title}}  {{this}}          a value, escaped for HTML text and for quoted attributes
--   {{{name}}}                                   a value as it is: only for what was escaped before
--   {{asset "style.css"}}                        calls the function `asset` with that text; the answer is escaped
--   {{#if name}} ... {{else}} ... {{/if}}        nil, false, "" and an empty table are no
--   {{#each names}} ... {{else}} ... {{/each}}   each item is `this`; its fields hide those outside
--
-- What opens, parts or closes a block and stands alone on its line takes the line with it. Indentation is the authors':
-- it is not sent.
--
-- A hole whose value is nil is a fault, not an empty text: faults are thrown as "share.html:12: ...". Compiling looks
-- at every byte once; filling costs what it writes. There is one escape because there is one rule for authors:
-- attributes are quoted, and no hole stands inside <script>, <style> or an on... attribute, but for JSON whose <, > and
-- & were escaped by who made it.
local T = {}

--- Inert in HTML text and in quoted attributes
function T.escape(value) return gifd.text.escape_html(tostring(value)) end

local function fault(at, message, ...) error(("%s:%d: "):format(at.file, at.line) .. message:format(...), 0) end

local function path(at, text)
  if not text:match("^[%a_][%w_.]*$") or text:find("..", 1, true) or text:find("%.$") then
    fault(at, "%q is no name", text)
  end
  local keys = {}
  for key in text:gmatch("[^.]+") do keys[#keys + 1] = key end
  return keys
end

-- What stands between braces -> node, or the word that opens or closes a block
local function hole(at, inside, raw)
  local text = inside:match("^%s*(.-)%s*$")
  local block, name = text:match("^#(%a+)%s+(%S+)$")
  if block then
    if block ~= "if" and block ~= "each" then fault(at, "there is no block %q", block) end
    return { kind = block, line = at.line, keys = path(at, name), yes = {}, no = nil }
  end
  if text == "else" then return "else" end
  if text:sub(1, 1) == "/" then return text end
  local called, argument = text:match('^([%a_][%w_]*)%s+"([^"]*)"$')
  if called then return { kind = "call", line = at.line, keys = { called }, argument = argument } end
  return { kind = raw and "raw" or "value", line = at.line, keys = path(at, text) }
end

-- If what lies from `first` to `last` is alone on its line: where that line begins and where the next one does.
local function line_around(text, first, last)
  local begins, next_line = first, text:match("^[ \t]*\n()", last + 1)
  if not next_line then return nil end
  while begins > 1 and text:find("^[ \t]", begins - 1) do begins = begins - 1 end
  if begins == 1 or text:byte(begins - 1) == 10 then return begins, next_line end
end

--- Compiles -> a template for `fill`. `file` is what faults are called by.
function T.compile(text, file)
  text = text:gsub("%f[^\n%z][ \t]+", "")
  local at = { file = file, line = 1 }
  local root = {}
  local open, into = {}, root
  local position = 1
  while true do
    local first = text:find("{{", position, true)
    local _, breaks = text:sub(position, first or #text):gsub("\n", "")
    at.line = at.line + breaks
    if not first then
      if position <= #text then into[#into + 1] = text:sub(position) end
      break
    end
    local raw = text:sub(first, first + 2) == "{{{"
    local close = raw and "}}}" or "}}"
    local last = text:find(close, first, true)
    local inside = last and text:sub(first + #close, last - 1)
    if not last or inside:find("\n", 1, true) then fault(at, "a hole is not closed on its line") end
    local node = hole(at, inside, raw)
    local literal_end, resume = first, last + #close
    if type(node) == "string" or node.yes then
      local begins, next_line = line_around(text, first, resume - 1)
      if begins then literal_end, resume = math.max(begins, position), next_line end
    end
    if literal_end > position then into[#into + 1] = text:sub(position, literal_end - 1) end
    local block = open[#open]
    if node == "else" then
      if not block or block.no then fault(at, "{{else}} without a block") end
      block.no = {}
      into = block.no
    elseif type(node) == "string" then
      if not block then fault(at, "{{%s}} closes nothing", node) end
      if node ~= "/" .. block.kind then
        fault(at, "{{%s}} stands where {{#%s}} of line %d is open", node, block.kind, block.line)
      end
      open[#open] = nil
      into = block.outside
    else
      into[#into + 1] = node
      if node.yes then
        node.outside = into
        open[#open + 1] = node
        into = node.yes
      end
    end
    if resume > last + #close then at.line = at.line + 1 end
    position = resume
  end
  if #open > 0 then
    at.line = open[#open].line
    fault(at, "{{#%s}} is never closed", open[#open].kind)
  end
  return { file = file, nodes = root }
end

-- The innermost scope that has the first key wins; the rest is looked up in what was found.
local function look(scope, keys)
  local first, value = keys[1], nil
  while scope and value == nil do
    if first == "this" then value = scope.item
    elseif type(scope.item) == "table" then value = scope.item[first] end
    scope = scope.outer
  end
  for i = 2, #keys do
    if type(value) ~= "table" then return nil end
    value = value[keys[i]]
  end
  return value
end

local function yes(value)
  return value ~= nil and value ~= false and value ~= "" and not (type(value) == "table" and next(value) == nil)
end

local parts = {} -- of the text that is being written: one table for all, since nothing waits in between

-- Writes behind the first n parts -> how many there are then
local function write(template, nodes, scope, n)
  for i = 1, #nodes do
    local node = nodes[i]
    if type(node) == "string" then
      n = n + 1
      parts[n] = node
    else
      local value = look(scope, node.keys)
      if node.kind == "if" then
        local branch = yes(value) and node.yes or node.no
        if branch then n = write(template, branch, scope, n) end
      elseif node.kind == "each" then
        if yes(value) then
          for k = 1, #value do n = write(template, node.yes, { item = value[k], outer = scope }, n) end
        elseif node.no then
          n = write(template, node.no, scope, n)
        end
      else
        if node.kind == "call" and value ~= nil then value = value(node.argument) end
        local kind = type(value)
        if kind ~= "string" and kind ~= "number" then
          fault({ file = template.file, line = node.line }, "%s is %s, not text", table.concat(node.keys, "."), kind)
        end
        n = n + 1
        parts[n] = node.kind == "raw" and value or T.escape(value)
      end
    end
  end
  return n
end

--- Fills the holes of a compiled template from a table -> text
function T.fill(template, values)
  return table.concat(parts, "", 1, write(template, template.nodes, { item = values }, 0))
end

return T
