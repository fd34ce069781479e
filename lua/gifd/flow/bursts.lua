--- flow/bursts: who asks for pages that nobody looks at, by what follows on the same share within two minutes. Pure.
--
--   a page by GET, and HEAD, by one agent            preview  "a page, then HEAD": X, with a browser's User-Agent
--   20 pages in 15 seconds, by whatever agents       preview  "a burst without media": servers that talk to each other
--   a page, and nothing within a minute              unknown  "no media followed": it counts, and has a reason
--
-- Only of agents that look like browsers, or like nothing known (a library has its reason), and for which neither media
-- (?s=CODE) nor a play of this share follows: once one does, all is taken back. A page is judged when `settle` seconds
-- have passed, and again until FINAL; then it stays. What is watched is bounded, and of this process: what a restart
-- forgets stays as it was.
local kinds = require "gifd.model.event_kinds"
local rules = require "gifd.flow.evidence_rules"

local MANY, NEAR, ALONE, FINAL = 20, 15, 60, 120
local WATCHED_MAX = 20000 -- agents of shares

local M = {}
local Bursts = {}
Bursts.__index = Bursts

function M.new(settle) return setmetatable({ settle = settle, shares = {}, watched = 0 }, Bursts) end

local function group_of(self, share, agent, now)
  local agents = self.shares[share]
  if agents and agents[agent] then return agents[agent] end
  if self.watched >= WATCHED_MAX then return nil end
  if not agents then
    agents = {}
    self.shares[share] = agents
  end
  local group = { first = now, pages = 0, heads = 0, texts = {} }
  agents[agent], self.watched = group, self.watched + 1
  return group
end

--- A share's page was asked for n times. who: of flow/askers
function Bursts:page(share, who, n, now)
  local _, _, verdict, reason = kinds.split(who.bits)
  if verdict ~= 0 or reason ~= 0 and reason ~= rules.FORM or not who.text then return end
  local group = group_of(self, share, who.agent, now)
  if not group then return end
  group.pages = group.pages + n
  group.texts[who.text] = { bits = who.bits, new = true }
end

function Bursts:head(share, who, n, now)
  local group = who.verdict == 0 and group_of(self, share, who.agent, now)
  if group then group.heads = group.heads + n end
end

--- Media of the share, or a play.
function Bursts:seen(share, agent)
  local group = (self.shares[share] or {})[agent]
  if group then group.seen = true end
end

--- Marks the groups of one share that are part of a burst.
local function mark(agents)
  local list, first, pages = {}, 1, 0
  for _, group in pairs(agents) do
    group.burst = false
    if not group.seen then list[#list + 1] = group end
  end
  table.sort(list, function(a, b) return a.first < b.first end)
  for i, group in ipairs(list) do
    pages = pages + group.pages
    while group.first - list[first].first > NEAR do
      pages = pages - list[first].pages
      first = first + 1
    end
    if pages >= MANY then
      for k = i, first, -1 do
        if list[k].burst then break end
        list[k].burst = true
      end
    end
  end
end

local function reason_of(group, now)
  if group.seen or group.pages == 0 then return 0 end
  if group.heads > 0 then return rules.HEADS end
  if group.burst then return rules.BURST end
  return now - group.first >= ALONE and rules.NO_MEDIA or 0
end

local function bits_with(bits, reason)
  local _, platform, _, own = kinds.split(bits)
  if reason == 0 or reason == rules.NO_MEDIA and own ~= 0 then return bits end
  return kinds.kind(0, platform, reason == rules.NO_MEDIA and 0 or kinds.PREVIEW, reason)
end

local function add_changes(out, share, group, reason)
  local was = group.reason or 0
  for text, of in pairs(group.texts) do
    local now, before = bits_with(of.bits, reason), bits_with(of.bits, was)
    local function add(from)
      if from ~= now then
        out[#out + 1] = { share = share, text = text, was = from, becomes = now, since = group.first }
      end
    end
    add(before)
    if of.new and before ~= of.bits then add(of.bits) end
    of.new = false
  end
  group.reason = reason
end

--- What is another than it was taken for -> array of { share, text, was, becomes (bits of flow/askers), since }: of
-- this asker, for pages of this share that were written since then
function Bursts:changes(now)
  local out = {}
  for share, agents in pairs(self.shares) do
    mark(agents)
    for agent, group in pairs(agents) do
      local age = now - group.first
      if age >= self.settle then add_changes(out, share, group, reason_of(group, now)) end
      if age >= FINAL then agents[agent], self.watched = nil, self.watched - 1 end
    end
    if not next(agents) then self.shares[share] = nil end
  end
  return out
end

return M
