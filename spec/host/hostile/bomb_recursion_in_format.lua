-- refused: stack overflow or budget
local t = {}
local function deeper() return ("%s"):format(setmetatable({}, t)) end
t.__tostring = deeper
return deeper
