--- desk: routes that keep and break the contract, and shares read and changed for whoever asks.
local made = 0

local function kept(_, req)
  made = made + 1
  return { json = { made = made }, cache = { key = req.query.k, tags = { "all" }, seconds = 60,
    counts = req.query.code and { req.query.code } or nil } }
end

local function rubbish(_, req)
  local answers = {
    word = "hello", status = { status = 99 }, headers = { headers = { ["X-A"] = {} , B = function() end } },
    both = { body = "a", json = {} }, key = { sttus = 200 }, split = { headers = { ["X-A"] = "a\r\nX-B: c" } },
    cache = { body = "a", cache = { seconds = "long" } },
  }
  if req.query.how == "throws" then error("a secret of the author") end
  if req.query.how == "text" then return nil, "not an err" end
  if req.query.how == "code" then return nil, { code = "made-up", message = "a secret of the author" } end
  if req.query.how == "refuses" then return nil, gifd.err("conflict", { message = "it is there already" }) end
  return answers[req.query.how]
end

local forged = { account = "admin" }
local old

local function find(ctx, req)
  local asker = ctx
  if req.query.ctx == "forged" then asker = forged end
  if req.query.ctx == "old" then asker = old end
  old = ctx
  return { json = { share = gifd.shares.find(asker, req.params.code) } }
end

local function result(value, err)
  if value == nil then return nil, err end
  return { json = { result = value } }
end

return { routes = {
  ["GET /kept"] = { auth = "public", run = kept },
  ["POST /purge"] = { auth = "user", run = function(_, req)
    gifd.cache.purge(req.query.tag)
    return { status = 204 }
  end },
  ["GET /rubbish"] = { auth = "public", run = rubbish },
  ["GET /limited"] = { auth = "public", limit = { rate = 1, per = "1h", by = { "ip" } },
    run = function() return { body = "in" } end },
  ["GET /likewise"] = { auth = "public", limit = "GET /p/desk/limited", run = function() return { body = "in" } end },
  ["GET /shares/{code}"] = { auth = "public", run = find },
  ["GET /shares"] = { auth = "user", run = function(ctx, req)
    return result(gifd.shares.list(ctx, { limit = tonumber(req.query.limit), cursor = req.query.cursor }))
  end },
  ["GET /assets/{id}"] = { auth = "public", run = function(ctx, req)
    return result(gifd.assets.find(ctx, req.params.id))
  end },
  ["PATCH /shares/{code}"] = { auth = "user", body = schema.record({}, { open = true }), run = function(ctx, req)
    return result(gifd.shares.update(ctx, req.params.code, req.body))
  end },
  ["POST /shares"] = { auth = "user", body = schema.record({}, { open = true }), run = function(ctx, req)
    return result(gifd.shares.create(ctx, req.body))
  end },
  ["DELETE /shares/{code}"] = { auth = "user", run = function(ctx, req)
    return result(gifd.shares.delete(ctx, req.params.code))
  end },
  ["POST /strict"] = { auth = "desk:write", body = schema.record { n = schema.integer { min = 1 },
    list = schema.list { of = schema.string { max = 3 }, default = {} } }, run = function(_, req)
    return { json = { n = req.body.n, list = gifd.json.array(req.body.list) } }
  end },
} }
