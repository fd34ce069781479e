-- refused: has a key that is neither text nor a number
return function() return { [{}] = 1 } end
