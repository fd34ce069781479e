-- refused: ran for more than 50 ms
return function() while true do end end
