--- http/exposed: in development only (gifd serve --dev), what went wrong in whose code, with the line of source, for
-- whoever asked: a page for a browser, further members of the problem for everybody else.
local M = {}

local escape = gifd.text.escape_html

local PAGE = [[<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>%s</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 3rem auto; padding: 0 1rem }
h1 { font-size: 1.25rem }
pre { overflow-x: auto; padding: 1rem; border: 1px solid; border-left: 4px solid #c22; border-radius: 4px }
</style>
</head>
<body>
<h1>%s</h1>
<p>%s</p>
<pre>%s</pre>
<p>%s %s, request <code>%s</code>. Shown because the server runs with <code>--dev</code>.</p>
</body>
</html>
]]

--- What an err of ours says in development -> { detail, plugin, file, line, source }; nil in production.
function M.of(err)
  if not gifd.server.dev then return nil end
  local message = tostring(err.message or err.code)
  local source, file, line = gifd.bundle.excerpt(message)
  return { detail = message, plugin = message:match("plugins/([%w-]+)/") or message:match("^plugin ([%w-]+):"),
    file = file, line = line, source = source }
end

--- Before its handler, which may give away what the request has.
function M.look(req) req.wants_page = (req.headers.accept or ""):find("text/html", 1, true) ~= nil end

--- shown: of M.of
function M.page(req, status, shown)
  local where = shown.file and ("%s:%d"):format(shown.file, shown.line) or shown.plugin or "gifd"
  return { status = status, type = "text/html; charset=utf-8", headers = { ["Cache-Control"] = "no-store",
    ["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'" },
    body = PAGE:format(escape(where), escape(where), escape(shown.detail), escape(shown.source or "no source"),
      escape(req.method), escape(req.path), escape(req.id)) }
end

return M
