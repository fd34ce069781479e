-- refused: an error that is a function
return function() error(function() end) end
