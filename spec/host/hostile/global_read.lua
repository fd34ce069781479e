-- refused: global "answer" does not exist
return function() return answer end
