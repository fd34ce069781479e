-- refused: global "answer" may not be written
return function() answer = 42 end
