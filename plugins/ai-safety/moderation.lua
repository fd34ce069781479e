--- moderation: POST /moderations: words, or one picture, a request -> { flagged, categories, scores, model }.
--
-- Nothing but a well-formed answer to what was asked counts: a missing result, a score that is no number, a model that
-- did not look at the picture is a failure, and so never safe.
local openai = require "openai"

local CHUNK, CHUNKS = 8000, 64 -- bytes of one text, and how many in a request

local M = {}

--- Scores without which there is no answer about such input.
local wanted = { text = { "sexual", "violence", "hate", "harassment" }, image = { "sexual", "violence" } }

local function malformed(what)
  return nil, gifd.err("protocol", { retryable = false, message = "OpenAI: its answer has " .. what })
end

local function looked(applied, kind)
  if applied == nil or applied == gifd.null then return true end
  local list = type(applied) == "table" and applied.sexual
  if type(list) ~= "table" then return false end
  for _, name in ipairs(list) do if name == kind then return true end end
  return false
end

local function read(result, kind)
  if type(result) ~= "table" or type(result.flagged) ~= "boolean" then return malformed("no result") end
  if type(result.category_scores) ~= "table" or type(result.categories) ~= "table" then
    return malformed("no scores")
  end
  local scores, categories = {}, {}
  for name, score in pairs(result.category_scores) do
    if type(name) ~= "string" or #name > 64 then return malformed("scores without names") end
    if type(score) == "number" and score >= 0 and score <= 1 then scores[name] = score
    elseif score ~= gifd.null then return malformed("a score that is none") end
  end
  for name, is in pairs(result.categories) do
    if type(name) ~= "string" or type(is) ~= "boolean" and is ~= gifd.null then
      return malformed("a category that is neither true nor false")
    end
    categories[name] = is == true
    if is == true and not scores[name] then return malformed("a category without a score") end
  end
  for _, name in ipairs(wanted[kind]) do if not scores[name] then return malformed("no score of " .. name) end end
  if kind == "image" and not looked(result.category_applied_input_types, "image") then
    return malformed("not looked at the picture")
  end
  return { flagged = result.flagged, categories = categories, scores = scores }
end

--- The highest of each.
local function add(all, one)
  all.flagged = all.flagged or one.flagged
  for name, score in pairs(one.scores) do all.scores[name] = math.max(all.scores[name] or 0, score) end
  for name, is in pairs(one.categories) do all.categories[name] = all.categories[name] or is end
end

local function ask(ctx, input, count, kind)
  local value, err = openai.ask(ctx, "/moderations", { model = ctx.config.model, input = input })
  if not value then return nil, err end
  local results = value.results
  if type(results) ~= "table" or #results ~= count then return malformed("not the results that were asked for") end
  local all = { flagged = false, categories = {}, scores = {},
    model = type(value.model) == "string" and value.model:sub(1, 100) or ctx.config.model }
  for _, result in ipairs(results) do
    local one
    one, err = read(result, kind)
    if not one then return nil, err end
    add(all, one)
  end
  return all
end

--- Pieces of at most CHUNK bytes, between characters and, where there is a space, between words.
local function pieces(text)
  local out, from = {}, 1
  while from <= #text do
    local to = math.min(#text, from + CHUNK - 1)
    if to < #text then
      local space = text:sub(from, to):match("^.*()%s")
      if space and space > CHUNK / 2 then to = from + space - 1 end
      while to > from and (text:byte(to + 1) or 0) >= 128 and text:byte(to + 1) < 192 do to = to - 1 end
    end
    out[#out + 1] = text:sub(from, to)
    from = to + 1
  end
  return out
end

function M.text(ctx, text)
  local list = pieces(text)
  if #list > CHUNKS then
    return nil, gifd.err("too_large", { retryable = false, message = "there are more words than are sent" })
  end
  return ask(ctx, #list == 1 and list[1] or gifd.json.array(list), #list, "text")
end

--- picture: a data URL
function M.picture(ctx, picture)
  return ask(ctx, gifd.json.array { { type = "image_url", image_url = { url = picture } } }, 1, "image")
end

return M
