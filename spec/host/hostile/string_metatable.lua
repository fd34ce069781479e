-- prints: nil
return function() print(getmetatable("")) end
