--- command/unfurl: gifd unfurl [CODE] [--as discord,slack,...] [--url BASE] [--json]: what each program that previews
-- links would show, and why not more.
local address = require "gifd.http.address"
local arguments = require "gifd.command.arguments"
local asset_model = require "gifd.model.asset"
local report = require "gifd.http.unfurl_report"
local share_model = require "gifd.model.share"
local share_page = require "gifd.http.share_page"

local OK, FAILED, USAGE, NOT_FOUND = 0, 1, 2, 4

local function write(fmt, ...) gifd.console.write(fmt:format(...) .. "\n") end

local function complain(code, fmt, ...)
  gifd.console.error("gifd unfurl: " .. fmt:format(...) .. "\n")
  return code
end

local function file(label, f)
  if f == gifd.null then return end
  write("  %-12s %s, %d × %d, %d bytes", label, f.type, f.width, f.height, f.bytes)
  write("  %-12s %s", "", f.url)
end

local function tell(one)
  write("%s: %s", one.label, one.moves and "moves" or "stands still")
  write("  %-12s %s", "title", (one.title:gsub("%c", " ")))
  file("image", one.image)
  file("second", one.second_image)
  file("video", one.video)
  for _, warning in ipairs(one.warnings) do write("  ! %s: %s", warning.rule, warning.text) end
end

--- Code of a share or its address -> code
local function code_of(word) return word:match("/s/([%w_-]+)[^/]*$") or word end

local function facts_of(app, base, code)
  local share, err
  if code then share, err = share_model.find(code) else share, err = share_model.newest_seen() end
  if share == nil then return nil, complain(FAILED, "%s", tostring(err.message)) end
  if not share then
    return nil, complain(NOT_FOUND, "there is no share %s", code or "that strangers may see")
  end
  local asset, asset_err = asset_model.find(share.asset_id)
  if not asset then return nil, complain(FAILED, "%s", asset_err and asset_err.message or "its original is gone") end
  local function page(values)
    values.site, values.base_url = app.settings.site.name, base
    return values
  end
  local ctx = { base = base, identity = false, signed = false, page = page }
  local facts, facts_err = share_page.facts(ctx, share, asset)
  if not facts then return nil, complain(FAILED, "%s", tostring(facts_err.message)) end
  return facts
end

return function(app)
  return function(args)
    local options, words = arguments(args, { json = "flag", as = "value", url = "value" })
    if not options then return complain(USAGE, "%s", words) end
    if words[2] then return complain(USAGE, "say the code of one share, or none for the newest") end
    local base = (options.url or address.base(app.settings)):gsub("/+$", "")
    if not base:match("^https?://[^/%s]+") then return complain(USAGE, "--url is no http or https address") end
    local facts, code = facts_of(app, base, words[1] and code_of(words[1]))
    if not facts then return code end
    local list, unknown = report.all(facts, report.names(options.as))
    if not list then return complain(USAGE, "there is no platform '%s': %s", unknown, report.known()) end
    if options.json then
      write("%s", gifd.json.encode { code = facts.share.code, platforms = list })
      return OK
    end
    for _, one in ipairs(list) do tell(one) end
    return OK
  end
end
