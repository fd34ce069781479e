-- refused: stack overflow
local function deeper() return 1 + deeper() end
return deeper
