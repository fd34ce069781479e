-- refused: an error that is a nil
return function() error(nil) end
