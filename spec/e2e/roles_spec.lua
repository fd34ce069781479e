-- Every route of reviewers, of the audit log, of lists of hashes and of operators, asked by everybody: who may, may.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local server = require "server"
local socket = require "socket"

local roles = { "anonymous", "forged", "revoked", "read", "upload", "trusted", "audit", "moderate", "admin" }

--- Whom each lets in; everybody else is 401 (who says not who he is) or 403.
local moderators, auditors, admins = { moderate = true, admin = true }, { audit = true, admin = true }, { admin = true }
local matrix = {
  ["GET /api/v1/moderation/queue"] = moderators,
  ["GET /api/v1/moderation/queue/events"] = moderators,
  ["GET /api/v1/moderation/statistics"] = moderators,
  ["GET /api/v1/moderation/appeals"] = moderators,
  ["POST /api/v1/moderation/appeals/{id}"] = moderators,
  ["GET /api/v1/moderation/hashes"] = moderators,
  ["POST /api/v1/moderation/hashes"] = moderators,
  ["DELETE /api/v1/moderation/hashes"] = moderators,
  ["DELETE /api/v1/moderation/hashes/{id}"] = moderators,
  ["GET /api/v1/moderation/{kind}/{id}"] = moderators,
  ["POST /api/v1/moderation/{kind}/{id}/claim"] = moderators,
  ["DELETE /api/v1/moderation/{kind}/{id}/claim"] = moderators,
  ["POST /api/v1/moderation/{kind}/{id}/reviews"] = moderators,
  ["POST /api/v1/moderation/{kind}/{id}/undo"] = moderators,
  ["POST /api/v1/moderation/{kind}/{id}/purge"] = moderators,
  ["GET /api/v1/audit"] = auditors,
  ["GET /api/v1/audit/export"] = auditors,
  ["GET /api/v1/audit/report"] = auditors,
  ["GET /api/v1/audit/anchor"] = auditors,
  ["GET /api/v1/admin/status"] = admins,
  ["GET /api/v1/admin/dashboard"] = admins,
  ["POST /api/v1/admin/reload"] = admins,
  ["POST /api/v1/admin/rollback"] = admins,
  ["POST /api/v1/admin/enable"] = admins,
}

--- "METHOD /pattern" of the routes that this is about, as the product has them.
local function routes()
  local out = {}
  for method, pattern in server.read_file("lua/gifd/http/routes.lua"):gmatch '{ "(%u+)", "(/api/v1/[^"]+)"' do
    local area = pattern:match "^/api/v1/(%w+)"
    if area == "moderation" or area == "audit" or area == "admin" then out[#out + 1] = method .. " " .. pattern end
  end
  return out
end

describe("of the routes that are not everybody's", function()
  local s, tokens = nil, {}
  setup(function()
    s = server.start { config = [[return { http = { streams_per_address = 64 } }]] }
    for _, role in ipairs { "read", "upload", "trusted", "audit", "moderate", "admin" } do
      tokens[role] = s:token(role, "the-" .. role)
    end
    tokens.forged = "gifd_" .. ("A"):rep(43)
    tokens.revoked = s:token("admin", "gone")
    local _, list = server.command("token", "list", "--data", s.data, "--json")
    for line in list:gmatch "[^\n]+" do
      local id = line:find('"gone"', 1, true) and line:match '"id":"?(%d+)'
      if id then assert.equal(0, (server.command("token", "revoke", id, "--data", s.data))) end
    end
  end)
  teardown(function() s:stop() end)

  --- The status alone: what follows may be a stream.
  local function asked(method, path, token, more)
    local host, port = s.url:match "^http://([^:]+):(%d+)$"
    local c = assert(socket.connect(host, tonumber(port)))
    c:settimeout(10)
    local body = method == "POST" and "{}" or ""
    c:send(("%s %s HTTP/1.1\r\nHost: %s:%s\r\n%s%sConnection: close\r\nContent-Type: application/json\r\n"
      .. "Content-Length: %d\r\n\r\n%s"):format(method, path, host, port, token and "Authorization: Bearer " .. token
      .. "\r\n" or "", more or "", #body, body))
    local status = tonumber((c:receive "*l" or ""):match "^HTTP/1.1 (%d+)")
    c:close()
    return status
  end

  --- What stands in for the braces: things that are not there.
  local function concrete(pattern)
    return (pattern:gsub("{kind}", "asset"):gsub("{id}", pattern:find "{kind}" and ("0"):rep(16) or "999999"))
  end

  it("each is in the matrix", function()
    local found = {}
    for _, route in ipairs(routes()) do
      assert.is_table(matrix[route], route .. " is not in the matrix")
      found[route] = true
    end
    for route in pairs(matrix) do assert.is_true(found[route], route .. " is no route") end
  end)

  for _, route in ipairs(routes()) do
    it(route .. " lets in whom it should", function()
      local method, pattern = route:match "^(%u+) (.*)$"
      for _, role in ipairs(roles) do
        local status, what = asked(method, concrete(pattern), tokens[role]), route .. " by " .. role
        assert.is_number(status, what)
        if not tokens[role] or role == "forged" or role == "revoked" then assert.equal(401, status, what)
        elseif matrix[route][role] then
          assert.is_true(status ~= 401 and status ~= 403 and status < 500, what .. " " .. status)
        else assert.equal(403, status, what) end
      end
    end)
  end

  it("none is told by how it is spelt, asked or come to", function()
    for _, route in ipairs(routes()) do
      local method, pattern = route:match "^(%u+) (.*)$"
      local path = concrete(pattern)
      for _, other in ipairs { path .. "/", path:upper(), "/" .. path, path:gsub("/api", "/%%61pi"),
        path:gsub("v1", "v1/."), path .. "?signature=x", path .. "?access_token=" .. tokens.admin } do
        local status = asked(method, other, tokens.trusted)
        assert.is_true(status >= 400, method .. " " .. other .. " " .. status)
      end
      if method == "GET" then assert.is_true(asked("HEAD", path, tokens.upload) >= 400, path) end
      for _, field in ipairs { "X-HTTP-Method-Override: GET\r\n", "X-Forwarded-User: admin\r\n",
        "Cookie: gifd_session=" .. tokens.admin .. "\r\n" } do
        local status = asked(method, path, nil, field) -- 403: a cookie, and no page of ours that sends it
        assert.is_true(status == 401 or status == 403, path .. " " .. field .. status)
      end
    end
  end)
end)
