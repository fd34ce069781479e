-- refused: a table without a message
return function() error({ secret = true }) end
