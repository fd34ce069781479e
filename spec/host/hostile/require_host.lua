-- refused: require
return function() return require "gifd.boot" end
