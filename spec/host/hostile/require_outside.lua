-- refused: require
return function() return require "../../lua/gifd/boot" end
