-- refused: ran for more than 50 ms
local function spin() while true do end end
return function() while true do gifd.catch(spin) end end
