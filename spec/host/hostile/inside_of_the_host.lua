-- refused: gifd: primitive "plugin" does not exist
return function() return gifd.plugin.call end
