-- refused: gifd: primitive "db" does not exist
return function() return gifd.db.rows("SELECT 1") end
