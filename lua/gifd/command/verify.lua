--- command/verify: gifd verify ID...: proves that what is stored is what it should be.
--
--   original    hashed again: its id is the beginning of its SHA-256
--   renditions  made again from it by their recipes, and hashed; those of other versions may differ, which is said
local arguments = require "gifd.command.arguments"
local asset_model = require "gifd.model.asset"
local render = require "gifd.flow.render"
local rendition_model = require "gifd.model.rendition"

local OK, FAILED, USAGE, NOT_FOUND = 0, 1, 2, 4

local function write(fmt, ...) gifd.console.write(fmt:format(...) .. "\n") end

local function complain(code, fmt, ...)
  gifd.console.error("gifd verify: " .. fmt:format(...) .. "\n")
  return code
end

--- The digest that a recipe gives now, and who made it -> digest, made_by; or nil, err
local function remade(app, asset, recipe)
  local made, err = gifd.catch(gifd.media.render, asset.digest, { gifd.json.decode(recipe) },
    render.limits(app.settings))
  if not made then return nil, err end
  local digest, commit_err = gifd.blob.commit(made.outputs[1].draft)
  if not digest then return nil, commit_err end
  return digest, made.made_by
end

--- One rendition -> what is to be said of it, is it wrong
local function judged(app, asset, r, known)
  local held, read_err = gifd.blob.hash(r.digest)
  if not held then return "unreadable: " .. tostring(read_err.message), true end
  if held ~= r.digest then return "ALTERED sha256 " .. held, true end
  if not r.recipe then return "the original's own bytes", false end
  if not known[r.recipe] then
    local digest, maker = remade(app, asset, r.recipe)
    known[r.recipe] = { digest = digest, maker = maker }
  end
  local now = known[r.recipe]
  if not now.digest then return "cannot be made again: " .. tostring(now.maker.message), true end
  if now.digest == r.digest then return "made again, the same bytes", false end
  if now.maker ~= r.made_by then return "unaltered, made by other versions: " .. tostring(r.made_by), false end
  return "DIFFERS when made again", true
end

--- One original or rendition: a line for people, or an object for programs.
local function tell(json, id, name, said, wrong)
  if json then
    write("%s", gifd.json.encode { id = id, name = name, ok = not wrong, text = said })
  elseif name then write("%s/%s %s", id, name, said)
  else write("%s %s", id, said) end
end

local function verify(app, id, json)
  local asset, err = asset_model.find(id:sub(1, 64))
  if asset == nil then return complain(FAILED, "%s", tostring(err.message)) end
  if not asset then return complain(NOT_FOUND, "there is no original %s", id) end
  local got, hash_err = gifd.blob.hash(asset.digest)
  if not got then
    return complain(hash_err.code == "not_found" and NOT_FOUND or FAILED, "%s", tostring(hash_err.message))
  end
  local altered = got ~= asset.digest
  tell(json, id, nil, ("%s sha256 %s"):format(altered and "ALTERED" or "unaltered", got), altered)
  if altered then return FAILED end
  local rows, rows_err = rendition_model.provenance(asset.id)
  if not rows then return complain(FAILED, "%s", tostring(rows_err.message)) end
  local code, known = OK, {}
  for _, r in ipairs(rows) do
    local said, wrong = judged(app, asset, r, known)
    tell(json, id, r.name, said, wrong)
    if wrong then code = FAILED end
  end
  return code
end

return function(app)
  return function(args)
    local options, ids = arguments(args, { json = "flag" })
    if not options then return complain(USAGE, "%s", ids) end
    if not ids[1] then return complain(USAGE, "which id?") end
    for _, id in ipairs(ids) do
      if not id:match("^[0-9a-f]+$") or #id < 16 or #id > 64 then
        return complain(USAGE, "'%s' is no id: 16 to 64 of 0-9a-f", id)
      end
    end
    local worst = OK
    for _, id in ipairs(ids) do
      local code = verify(app, id, options.json)
      if code ~= OK then worst = code end
    end
    return worst
  end
end
