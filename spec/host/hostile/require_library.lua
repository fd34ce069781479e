-- refused: require
return function() return require "ffi" end
