--- idler: for the benchmark of jobs: `nothing` does nothing, `pause` waits for as many seconds as its payload says.
return { jobs = {
  nothing = function() end,
  pause = function(_, seconds) gifd.time.sleep(seconds) end,
} }
