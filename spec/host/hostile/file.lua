-- refused: global "io" does not exist
return function() return io.open("/etc/passwd") end
