-- refused: script: 5: a table without a message
return function() error({ code = "5", message = {} }) end
