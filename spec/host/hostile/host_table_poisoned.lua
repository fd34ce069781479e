-- refused: gifd.json "encode" may not be written
return function() gifd.json.encode = nil end
