--- command/media: gifd probe, ladder, fit, render: files in, files out, in the sandbox of uploads, without a server.
local arguments = require "gifd.command.arguments"
local S = require "gifd.schema"
local ladder = require "gifd.ladder"
local recipes = require "gifd.recipes"
local render = require "gifd.flow.render"

local OK, FAILED, USAGE, NOT_FOUND, LIMIT, TRY_AGAIN = 0, 1, 2, 4, 7, 75
local exits = { not_found = NOT_FOUND, too_large = LIMIT, busy = TRY_AGAIN, disk_full = TRY_AGAIN }
local DEADLINE = 110 -- of one question, seconds

local M = {}

local function write(fmt, ...) gifd.console.write(fmt:format(...) .. "\n") end
local function json(value) gifd.console.write(gifd.json.encode(value) .. "\n") end

local function complain(name, code, text)
  gifd.console.error(("gifd %s: %s\n"):format(name, text))
  return code
end

local function failed(name, err) return complain(name, exits[err.code] or FAILED, tostring(err.message or err.code)) end

--- `-o OUT` is --out OUT.
local function options_of(args, allowed)
  for i, word in ipairs(args) do if word == "-o" then args[i] = "--out" end end
  return arguments(args, allowed)
end

local function limits(app)
  local out = render.limits(app.settings)
  out.deadline = DEADLINE
  return out
end

--- A copy of the file, and what it is -> draft, facts with bytes; or nil, err
local function opened(app, path)
  local draft, size = gifd.console.open(path)
  if not draft then return nil, size end
  local facts, probe_err = gifd.media.probe(draft, limits(app))
  if not facts then return nil, probe_err end
  facts.bytes = size
  return draft, facts
end

function M.probe(app, args)
  local options, words = options_of(args, { json = "flag" })
  if not options then return complain("probe", USAGE, words) end
  if not words[1] or words[2] then return complain("probe", USAGE, "which one file?") end
  local draft, size = gifd.console.open(words[1])
  if not draft then return failed("probe", size) end
  local facts, times_err = gifd.media.times(draft, limits(app))
  if not facts then return complain("probe", FAILED, ("%s: %s"):format(words[1], tostring(times_err.message))) end
  facts.bytes, facts.delays_ms = size, gifd.json.array(facts.delays_ms)
  if options.json then json(facts) return OK end
  write("%s %dx%d, %d frames, %.3f s%s%s%s", facts.type, facts.width, facts.height, facts.frames,
    facts.duration_ms / 1000, facts.has_alpha and ", transparent" or "", facts.has_audio and ", with sound" or "",
    facts.truncated and ", truncated" or "")
  if facts.frames > 1 and facts.loop >= 0 then
    write("plays %s", facts.loop == 0 and "for ever" or facts.loop .. " times")
  end
  return OK
end

--- What takes as long as another, where that one has more or less work.
local function kind_of(one) return one.format .. (one.budget and " under a budget" or "") end

--- Together, or each by itself where that fails: save(group) as they are made, the least work first. What took too long
-- by itself is not tried with more work. -> array of { one, err } of what cannot be; or nil, err of save
local function make_all(app, draft, facts, rungs, save)
  local refused, known, slow, left = {}, {}, {}, { unpack(rungs) }
  local function make(some)
    local groups, err = render.make(app.settings, draft, facts, some, known)
    if not groups then return false, err end
    for _, group in ipairs(groups) do
      known[group.text] = known[group.text] or group
      local saved, save_err = save(group)
      if not saved then return nil, save_err end
    end
    return true
  end
  local function alone(one)
    local done, err = slow[kind_of(one)] == nil, slow[kind_of(one)]
    if done then done, err = make { one } end
    if done == nil then return nil, err end
    if not done then refused[#refused + 1] = { one = one, err = err } end
    if not done and err.code == "timeout" then slow[kind_of(one)] = err end
    return true
  end
  while left[1] do
    local batch, quick, done, err = render.batch(app.settings, facts, left), true, false, nil
    for _, one in ipairs(batch) do
      table.remove(left, 1)
      quick = quick and not slow[kind_of(one)]
    end
    if quick and batch[2] then done, err = make(batch) end
    for _, one in ipairs(done == false and batch or {}) do
      done, err = alone(one)
      if not done then return nil, err end
    end
    if done == nil then return nil, err end
  end
  return refused
end

local function described(one, group, facts)
  local shown = group.source and facts or group.facts
  return { name = one.name, file = ladder.file(one), type = shown.type, width = shown.width, height = shown.height,
    frames = shown.frames, duration_ms = shown.duration_ms, loop = shown.loop, has_alpha = shown.has_alpha,
    bytes = group.source and facts.bytes or group.bytes, source = group.source or nil }
end

function M.ladder(app, args)
  local options, words = options_of(args, { json = "flag" })
  if not options then return complain("ladder", USAGE, words) end
  if not words[2] or words[3] then return complain("ladder", USAGE, "say FILE DIR") end
  local draft, facts = opened(app, words[1])
  if not draft then return failed("ladder", facts) end
  local folder, folder_err = gifd.console.folder(words[2])
  if not folder then return failed("ladder", folder_err) end
  local out, rungs, work = { source = facts, renditions = {}, refused = {} }, {}, {}
  for i, one in ipairs(app.ladder.list) do
    local why = ladder.impossible(one, facts)
    if why then table.insert(out.refused, { name = one.name, file = ladder.file(one), reason = why })
    else
      rungs[#rungs + 1] = one
      work[one] = { ladder.pixels(ladder.recipe(one, facts), facts), i }
    end
  end
  table.sort(rungs, function(a, b)
    if work[a][1] ~= work[b][1] then return work[a][1] < work[b][1] end
    return work[a][2] < work[b][2]
  end)
  local refused, err = make_all(app, draft, facts, rungs, function(group)
    out.made_by = out.made_by or group.made_by
    for _, one in ipairs(group.rungs) do
      local path = words[2] .. "/" .. ladder.file(one)
      local saved, save_err = gifd.console.save(group.source and draft or group.draft, path)
      if not saved then return nil, save_err end
      table.insert(out.renditions, described(one, group, facts))
    end
    return true
  end)
  if not refused then return failed("ladder", err) end
  for _, r in ipairs(refused) do
    table.insert(out.refused, { name = r.one.name, file = ladder.file(r.one), reason = tostring(r.err.message) })
  end
  gifd.json.array(out.renditions)
  gifd.json.array(out.refused)
  if options.json then json(out) return OK end
  for _, r in ipairs(out.renditions) do
    write("%-34s %5dx%-5d %4d frames %9d bytes%s", r.file, r.width, r.height, r.frames, r.bytes,
      r.source and "  the source's own" or "")
  end
  for _, r in ipairs(out.refused) do write("%-34s cannot be: %s", r.file, r.reason) end
  return OK
end

--- On a terminal: a bar, for gifd.media.render -> function(percent), function that takes it away
local function bar(label)
  if not gifd.console.is_terminal("stderr") then return nil, function() end end
  local function draw(percent)
    local full = math.floor(percent * 30 / 100)
    gifd.console.error(("\r%-30.30s [%s%s] %3d %%"):format(label, ("#"):rep(full), ("."):rep(30 - full), percent))
  end
  draw(0)
  return draw, function() gifd.console.error("\r" .. (" "):rep(76) .. "\r") end
end

local formats = { gif = "gif", webp = "webp", mp4 = "mp4", webm = "webm", jpg = "jpeg", jpeg = "jpeg", png = "png" }
local extension_of = { ["image/gif"] = "gif", ["image/webp"] = "webp", ["video/mp4"] = "mp4", ["video/webm"] = "webm" }

local function fit_made(app, draft, facts, format, under, floor, progress)
  if ladder.types[format] == facts.type and facts.bytes <= under then return { draft = draft, bytes = facts.bytes } end
  local made, err = gifd.catch(gifd.media.render, draft, { { format = format, budget = under, floor = floor } },
    limits(app), progress)
  if not made then return nil, err end
  local output = made.outputs[1]
  if output.bytes <= under then return output end
  return nil, gifd.err("too_large", { message = ("the smallest that was found has %d bytes"):format(output.bytes) })
end

function M.fit(app, args)
  local options, words = options_of(args, { under = "value", out = "value", floor = "value", json = "flag" })
  if not options then return complain("fit", USAGE, words) end
  if not words[1] or words[2] or not options.under then return complain("fit", USAGE, "say FILE --under SIZE") end
  local under, faults = S.check(S.bytes { min = 100 }, tonumber(options.under) or options.under)
  if faults[1] then return complain("fit", USAGE, "--under " .. faults[1].message) end
  local floor = options.floor and tonumber(options.floor)
  if options.floor and not (floor and floor > 0 and floor < 1) then
    return complain("fit", USAGE, "--floor must be more than 0 and less than 1")
  end
  local draft, facts = opened(app, words[1])
  if not draft then return failed("fit", facts) end
  local own = extension_of[facts.type] or "gif"
  local out = options.out or words[1]:gsub("%.%w+$", "") .. "-fit." .. own
  local format = formats[(out:match("%.(%w+)$") or own):lower()]
  if not format then return complain("fit", USAGE, out .. ": its name does not say what type it should have") end
  local draw, wipe = bar(words[1])
  local made, err = fit_made(app, draft, facts, format, under, floor, draw)
  wipe()
  if not made then return failed("fit", err) end
  local saved, save_err = gifd.console.save(made.draft, out)
  if not saved then return failed("fit", save_err) end
  local said = made.facts or facts
  if options.json then
    json { file = out, type = said.type, width = said.width, height = said.height, frames = said.frames,
      duration_ms = said.duration_ms, bytes = made.bytes }
  else
    write("%s: %dx%d, %d frames, %d bytes", out, said.width, said.height, said.frames, made.bytes)
  end
  return OK
end

--- Which file the n-th output is.
local function place(recipe, format, out, i)
  if recipe.kind ~= "frames" then return out end
  return ("%s/frame_%04d.%s"):format(out, i - 1, ladder.extensions[format])
end

function M.render(app, args)
  local options, words = options_of(args, { recipe = "value", out = "value", json = "flag" })
  if not options then return complain("render", USAGE, words) end
  if not words[1] or words[2] or not options.recipe or not options.out then
    return complain("render", USAGE, "say FILE --recipe JSON -o OUT")
  end
  local value, json_err = gifd.catch(gifd.json.decode, options.recipe)
  if value == nil then return complain("render", USAGE, "--recipe is not JSON: " .. tostring(json_err.message)) end
  local recipe, faults = recipes.check(value)
  if not recipe then return complain("render", USAGE, recipes.text(faults)) end
  local draft, facts = opened(app, words[1])
  if not draft then return failed("render", facts) end
  if recipes.needs_times(recipe) then
    local timed, err = gifd.media.times(draft, limits(app))
    if not timed then return failed("render", err) end
    timed.bytes = facts.bytes
    facts = timed
  end
  local list = recipes.media(recipe, facts)
  local draw, wipe = bar(words[1])
  local made, err = gifd.catch(gifd.media.render, draft, list, limits(app), draw)
  wipe()
  if not made then return failed("render", err) end
  if recipe.kind == "frames" then
    local folder, folder_err = gifd.console.folder(options.out)
    if not folder then return failed("render", folder_err) end
  end
  for i, output in ipairs(made.outputs) do
    local path = place(recipe, list[i].format, options.out, i)
    local own = ladder.source_will_do(list[i], facts, output)
    local saved, save_err = gifd.console.save(own and draft or output.draft, path)
    if not saved then return failed("render", save_err) end
    local f, bytes = own and facts or output.facts, own and facts.bytes or output.bytes
    if options.json then
      json { file = path, type = f.type, width = f.width, height = f.height, frames = f.frames,
        duration_ms = f.duration_ms, loop = f.loop, has_alpha = f.has_alpha, bytes = bytes,
        source = own or nil }
    else
      write("%s: %s %dx%d, %d frames, %d bytes", path, f.type, f.width, f.height, f.frames, bytes)
    end
  end
  return OK
end

--- For app.commands.
function M.command(app, name) return function(args) return M[name](app, args) end end

return M
