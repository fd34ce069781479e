--- bench/hashes_look: FOLDER: hashes of the clips that bench/hashes made, a line for each file. Run by gifd lua.
local folder = arg[1]
local changes = { "reencoded.mp4", "half.gif", "faster.gif", "caption.gif", "crop2.gif", "crop5.gif", "corner5.gif" }

local function hashes(of, path)
  local draft = gifd.console.open(path)
  local list, out = draft and of(draft, { deadline = 30 }) or {}, {}
  for i, h in ipairs(list) do out[i] = h.hash end
  return out
end

local function read(name)
  local draft, size = assert(gifd.console.open(folder .. "/" .. name))
  local digest = assert(gifd.blob.commit(draft))
  return assert(gifd.blob.read(digest, 0, size))
end

for name in read("clips"):gmatch("[^\n]+") do
  local path = folder .. "/" .. name
  local own = hashes(gifd.media.hash, path .. ".gif")
  if own[1] then
    print(name .. " own " .. table.concat(own, " "))
    print(name .. " windows " .. table.concat(hashes(gifd.media.crops, path .. ".gif"), " "))
    local asks = {}
    for i, change in ipairs(changes) do
      asks[i] = function() return hashes(gifd.media.hash, path .. "." .. change) end
    end
    local lists = { gifd.all(unpack(asks)) }
    for i, change in ipairs(changes) do print(("%s %s %s"):format(name, change, table.concat(lists[i], " "))) end
  end
end
