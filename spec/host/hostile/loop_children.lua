-- refused: ran for more than 50 ms
local function spin() while true do pcall(function() while true do end end) end end
return function() return gifd.all(spin, spin, spin) end
