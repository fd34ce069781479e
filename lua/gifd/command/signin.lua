--- command/signin: gifd login, and what the server does when it starts on a data directory.
local account_flow = require "gifd.flow.account"
local address = require "gifd.http.address"
local arguments = require "gifd.command.arguments"

local OK, FAILED, USAGE = 0, 1, 2

local M = {}

local function link(settings, account, url)
  local code, err = account_flow.signin_code(account)
  if not code then return nil, err end
  return (url or address.base(settings)) .. "/signin?code=" .. code
end

local function failed(err)
  gifd.console.error("gifd: " .. tostring(err.message or err.code) .. "\n")
  return FAILED
end

--- login [--account NAME] [--url BASE]: prints one link
function M.login(settings)
  return function(args)
    local options, words = arguments(args, { account = "value", url = "value", json = "flag" })
    if not options then
      gifd.console.error("gifd login: " .. words .. "\n")
      return USAGE
    end
    local account, err = account_flow.named(options.account)
    if not account then return failed(err) end
    local url, link_err = link(settings, account, options.url and (options.url:gsub("/+$", "")))
    if not url then return failed(link_err) end
    gifd.console.write((options.json and gifd.json.encode { url = url } or url) .. "\n")
    return OK
  end
end

--- setup: makes the first account; only then prints its sign-in link.
function M.setup(settings)
  return function()
    local account, made = account_flow.first()
    if not account then return failed(made) end
    if not made then return OK end
    local url, err = link(settings, account)
    if not url then return failed(err) end
    gifd.console.write("sign in " .. url .. "\n")
    return OK
  end
end

return M
