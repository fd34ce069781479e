-- fetch: one URL by gifd.fetch, for `gifd lua`; prints what came, or the error's code. Exits 1 when there is none.
local reply, err = gifd.fetch { url = arg[1], timeout = 4 }
if not reply then
  print(err.code, err.message)
  return 1
end
print(reply.status, #reply.body)
