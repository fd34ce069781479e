--- plugin/call: the one door through which the host enters a plugin's code.
--
-- call(plugin, what, fn, ctx, ...) -> what fn returned | nil, err; never throws. `what` says which part of the plugin
-- runs ("judge", "GET /status", "job refresh", "check"), for whoever asks what is running or what went wrong;
-- err.code is "budget" when it took more time or memory than it may. The plugin gets copies of the tables after ctx,
-- and the host a copy of at most two results without any metatable, so that no code of a plugin runs outside of its
-- budget (core/script/budget.h).
return function(plugin, what, fn, ...)
  if not plugin.number then return gifd.catch(fn, ...) end -- the host stands in for it (absent.lua)
  return gifd.plugin.call(plugin.number, what, fn, ...)
end
