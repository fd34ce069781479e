--- http/routes: every route of the product in one table: what it needs, and what runs.
--
-- auth: "public" (an identity is told when there is one), "user" (any identity), or a scope. The router, the gate and
-- the spec that walks them all read this table. run(app, req, ctx) -> reply, or nil, err. cache: its replies
-- may ask to be kept (http/keep); classes: and differ by class of client (http/unfurl). signed: a signature in the URL
-- stands for a share's owner. cross: pages of other sites may be allowed to read it (http/cors).
local admin = require "gifd.http.admin"
local appeals = require "gifd.http.appeals"
local assets = require "gifd.http.assets"
local audit = require "gifd.http.audit"
local dashboard = require "gifd.http.dashboard"
local health = require "gifd.http.health"
local hashes = require "gifd.http.hashes"
local jobs = require "gifd.http.jobs"
local media = require "gifd.http.media"
local moderation = require "gifd.http.moderation"
local metrics = require "gifd.http.metrics"
local oembed = require "gifd.http.oembed"
local pages = require "gifd.http.pages"
local plays = require "gifd.http.plays"
local plugin_route = require "gifd.http.plugin_route"
local session = require "gifd.http.session"
local share_page = require "gifd.http.share_page"
local shares = require "gifd.http.shares"
local told = require "gifd.http.told"
local prometheus = require "gifd.http.prometheus"
local signed_urls = require "gifd.http.signed_urls"

local routes = {
  { "GET", "/", auth = "public", run = pages.upload },
  { "GET", "/web/{file}", auth = "public", run = pages.file },
  { "GET", "/signin", auth = "public", run = session.enter },
  { "POST", "/signout", auth = "user", run = session.leave },

  { "GET", "/s/{code}", auth = "public", cache = true, classes = true, signed = true, cross = true,
    run = share_page.get },
  { "GET", "/appeals/{code}", auth = "public", signed = true, run = appeals.get },
  { "POST", "/appeals/{code}", auth = "public", signed = true, run = appeals.create },
  { "GET", "/a/{id}", auth = "public", cache = true, signed = true, cross = true, run = media.original },
  { "GET", "/a/{id}/{name}", auth = "public", cache = true, signed = true, cross = true, run = media.rendition },
  { "GET", "/oembed", auth = "public", cross = true, run = oembed.get },

  { "POST", "/api/v1/assets", auth = "upload", body = "upload", run = assets.create },
  { "GET", "/api/v1/assets/{id}", auth = "public", run = assets.get },
  { "GET", "/api/v1/shares", auth = "read", run = shares.list },
  { "POST", "/api/v1/shares", auth = "upload", body = "json", run = shares.create },
  { "GET", "/api/v1/shares/{code}", auth = "public", run = shares.get },
  { "PATCH", "/api/v1/shares/{code}", auth = "upload", body = "json", run = shares.update },
  { "DELETE", "/api/v1/shares/{code}", auth = "upload", run = shares.delete },
  { "GET", "/api/v1/shares/{code}/unfurl", auth = "public", run = shares.unfurl },
  { "POST", "/api/v1/signed-urls", auth = "read", body = "json", run = signed_urls.create },

  { "GET", "/api/v1/assets/{id}/metrics", auth = "public", run = metrics.asset },
  { "GET", "/api/v1/assets/{id}/events", auth = "read", run = metrics.events },
  { "DELETE", "/api/v1/assets/{id}/events", auth = "admin", run = metrics.clear_asset },
  { "GET", "/api/v1/shares/{code}/metrics", auth = "public", run = metrics.share },
  { "GET", "/api/v1/metrics", auth = "read", run = metrics.all },
  { "GET", "/api/v1/metrics/top", auth = "read", run = metrics.top },
  { "GET", "/api/v1/metrics/timeseries", auth = "public", run = metrics.timeseries },
  { "GET", "/api/v1/metrics/stream", auth = "read", run = metrics.stream },
  { "DELETE", "/api/v1/events", auth = "admin", run = metrics.clear_all },
  { "POST", "/api/v1/plays", auth = "public", body = "json", run = plays.create },
  { "POST", "/api/v1/events", auth = "public", intake = true, body = "json", run = told.create },

  { "GET", "/api/v1/jobs", auth = "read", run = jobs.list },
  { "POST", "/api/v1/jobs", auth = "upload", body = "json", run = jobs.create },
  { "GET", "/api/v1/jobs/metrics", auth = "admin", run = jobs.metrics },
  { "GET", "/api/v1/jobs/{id}", auth = "read", run = jobs.get },
  { "DELETE", "/api/v1/jobs/{id}", auth = "upload", run = jobs.cancel },
  { "GET", "/api/v1/jobs/{id}/events", auth = "read", run = jobs.events },

  { "GET", "/api/v1/audit", auth = "audit", run = audit.list },
  { "GET", "/api/v1/audit/export", auth = "audit", run = audit.export },
  { "GET", "/api/v1/audit/report", auth = "audit", run = audit.report },
  { "GET", "/api/v1/audit/anchor", auth = "audit", run = audit.anchor },

  { "GET", "/api/v1/moderation/hashes", auth = "moderate", run = hashes.list },
  { "POST", "/api/v1/moderation/hashes", auth = "moderate", body = "json", run = hashes.add },
  { "DELETE", "/api/v1/moderation/hashes", auth = "moderate", run = hashes.remove_asset },
  { "DELETE", "/api/v1/moderation/hashes/{id}", auth = "moderate", run = hashes.remove },
  { "GET", "/api/v1/moderation/queue", auth = "moderate", run = moderation.queue },
  { "GET", "/api/v1/moderation/queue/events", auth = "moderate", run = moderation.events },
  { "GET", "/api/v1/moderation/statistics", auth = "moderate", run = moderation.statistics },
  { "GET", "/api/v1/moderation/appeals", auth = "moderate", run = moderation.appeals },
  { "POST", "/api/v1/moderation/appeals/{id}", auth = "moderate", body = "json", run = moderation.close_appeal },
  { "GET", "/api/v1/moderation/{kind}/{id}", auth = "moderate", run = moderation.get },
  { "POST", "/api/v1/moderation/{kind}/{id}/claim", auth = "moderate", run = moderation.claim },
  { "DELETE", "/api/v1/moderation/{kind}/{id}/claim", auth = "moderate", run = moderation.release },
  { "POST", "/api/v1/moderation/{kind}/{id}/reviews", auth = "moderate", body = "json", run = moderation.review },
  { "POST", "/api/v1/moderation/{kind}/{id}/undo", auth = "moderate", body = "json", run = moderation.undo },
  { "POST", "/api/v1/moderation/{kind}/{id}/purge", auth = "moderate", body = "json", run = moderation.purge },

  { "GET", "/api/v1/admin/status", auth = "admin", run = admin.status },
  { "GET", "/api/v1/admin/dashboard", auth = "admin", run = dashboard.show },
  { "POST", "/api/v1/admin/reload", auth = "admin", body = "json", run = admin.reload },
  { "POST", "/api/v1/admin/rollback", auth = "admin", body = "json", run = admin.rollback },
  { "POST", "/api/v1/admin/enable", auth = "admin", body = "json", run = admin.enable },

  { "GET", "/metrics", auth = "public", run = prometheus.get },
  { "GET", "/healthz", auth = "public", bare = true, run = health.alive },
  { "GET", "/readyz", auth = "public", bare = true, run = health.ready },
}

--- All routes with those of plugins: array of { method, pattern, auth, run, bare? }.
return function(plugin_routes)
  local out = {}
  for i, r in ipairs(routes) do
    out[i] = { method = r[1], pattern = r[2], auth = r.auth, limit = r.limit, body = r.body, bare = r.bare,
      cache = r.cache, intake = r.intake, classes = r.classes, signed = r.signed,
      cross = r.cross or r[2]:match("^/api/") ~= nil, run = r.run }
  end
  for _, r in ipairs(plugin_routes) do
    local cache = r.method == "GET" and r.auth == "public" -- what its replies may ask for
    out[#out + 1] = { method = r.method, pattern = r.pattern, auth = r.auth, limit = r.limit, plugin = r.plugin.name,
      cache = cache, seldom = cache, run = plugin_route(r) }
  end
  return out
end
