-- refused: an error that is a boolean
return function() return nil, true end
