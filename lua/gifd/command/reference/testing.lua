--- command/reference/testing: gifd.testing for editors and as a page.
local forms = require "gifd.testing.forms"
local annotations = require "gifd.command.reference.annotations"
local pages = require "gifd.command.reference.pages"
local signature = require "gifd.command.reference.signature"

local M = {}

local parts = {
  { "gifd.testing.", "functions" }, { "gifd.testing.clock.", "clock" }, { "Rig:", "rig" },
}

function M.annotations()
  local out = annotations.begin()
  for _, class in ipairs(forms.classes) do
    annotations.class(out, class.name, nil, class.doc, class.fields)
    out[#out + 1] = class.name == "Rig" and "local Rig = {}\n" or ""
  end
  out[#out + 1] = "---@class gifd.testing\ngifd.testing = {}\n\n---@class gifd.testing.clock\ngifd.testing.clock = {}\n"
  for _, part in ipairs(parts) do
    for _, text in ipairs(forms[part[2]]) do
      local form = signature.parse(text)
      annotations.fn(out, form, part[1] .. form.name, form.doc)
    end
  end
  return (table.concat(out, "\n"):gsub("[ \t]+\n", "\n"))
end

function M.page()
  local out = { pages.printed .. [[
# gifd.testing

What a spec in a plugin's folder can say, besides `describe`, `it`, `pending`, `before_each`, `after_each`, `setup`,
`teardown` and `assert` (`equal`, `same`, `matches`, `near`, `is_nil`, `is_true`, `truthy`, `has_error`, each also with
`not`). `gifd plugin test NAME` runs it, and `busted` in a checkout.
]] }
  for _, part in ipairs(parts) do
    local prefix = part[1]:gsub("^Rig:", "t:")
    for _, text in ipairs(forms[part[2]]) do
      local form = signature.parse(text)
      pages.entry(out, signature.call(form, prefix), form, "")
    end
  end
  for _, class in ipairs(forms.classes) do pages.class(out, class, "##") end
  return table.concat(out, "\n") .. "\n"
end

return M
