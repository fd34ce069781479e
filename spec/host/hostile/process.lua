-- refused: global "os" does not exist
return function() os.execute("true") end
