--- plugin/call: the one door through which the host enters a plugin's code.
--
-- call(plugin, what, fn, ...) -> what fn returned | nil, err; never throws. `what` says which part of the plugin runs
-- ("judge", "GET /status", "job refresh", "check"), for whoever asks what is running or what went wrong.
return function(_, _, fn, ...)
  return gifd.catch(fn, ...)
end
