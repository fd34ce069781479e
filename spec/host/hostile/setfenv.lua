-- refused: global "setfenv" does not exist
return function() setfenv(1, {}) end
