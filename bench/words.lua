-- bench/words: how long the matcher of moderation-words takes, with the shipped English list's size and worse texts.
--   gifd lua bench/words.lua
local list = { "porn*", "sex", "nude", "gore", "kill yourself", "18+" }
for i = 1, 2000 do list[#list + 1] = "listed" .. string.char(97 + i % 26, 97 + math.floor(i / 26) % 26) .. i end
local matcher = gifd.text.words(list, true)
local slow = 0
for _, bytes in ipairs { 300, 10000 } do
  for _, unit in ipairs { "a nice cat dances in rain ", "p.o.r.n ", "a a ", "\208\191\209\128 ", "1l!|$@", "a" } do
    local text, rounds = unit:rep(math.ceil(bytes / #unit)):sub(1, bytes), 600000 / bytes
    local from = gifd.time.now()
    for _ = 1, rounds do matcher:find(text) end
    local us = (gifd.time.now() - from) / rounds * 1e6
    print(("%5d bytes of %-28q %8.1f us"):format(bytes, unit, us))
    if us > (bytes == 300 and 100 or 3000) then slow = slow + 1 end
  end
end
return slow == 0 and 0 or 1
