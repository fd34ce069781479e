-- refused: gifd: primitive "fetch" does not exist
return function() return gifd.fetch { url = "http://127.0.0.1/" } end
