-- A heartbeat, answered with what the other replicas do (docs/replicas.md#heartbeats). ARGV: replica, when it was sent,
-- share, demand; from a replica that joins also its history: its calls of the day, the day's total when it last saw it and
-- its own part of that; then three lists, each led by its length: peers with their shares, running calls with what is left
-- of their leases, ended calls with their ages.
local me, isJoining = ARGV[1], ARGV[5] ~= nil
local prefix = me .. ':'
local function isMine(id) return string.sub(id, 1, #prefix) == prefix end

if now - ARGV[2] > COMMAND_TIMEOUT_MS then return { 'stale', now } end
if not isJoining and not redis.call('ZSCORE', HEARTBEATS, me) then return { 'unknown', now } end
expire()

local newest = redis.call('ZREVRANGE', HEARTBEATS, 0, 0, 'WITHSCORES')
if redis.call('EXISTS', COUNTS) == 0 then redis.call('HSET', COUNTS, 'blank', now) end
if not newest[2] or now - newest[2] > LAPSE_MS then redis.call('HSET', COUNTS, 'epoch', now) end
redis.call('ZADD', HEARTBEATS, now, me)
local state = isJoining and 'joining' or 'connected'
redis.call('HSET', REPLICAS, me, ARGV[3] .. ' ' .. ARGV[4] .. ' ' .. grantedToPeers(me) .. ' ' .. state)

-- Replaces what was counted of the day's calls by what the replica says. If Redis has lost the day, the highest total that
-- any replica remembers is where all of them start.
local function restoreDay(mine, known, mineThen)
  local counted = redis.call('HGET', DAY, me)
  local more = mine - (counted or mineThen)
  if not counted then
    local floor = tonumber(redis.call('HGET', DAY, 'floor') or 0)
    if known > floor then
      more = more + known - floor
      redis.call('HSET', DAY, 'floor', known)
    end
  end
  redis.call('HINCRBY', DAY, 'total', more)
  redis.call('HSET', DAY, me, mine)
end

local at = 8
local function eachPair(take)
  local last = at + 2 * ARGV[at]
  for i = at + 1, last, 2 do take(ARGV[i], ARGV[i + 1]) end
  at = last + 1
end

if isJoining then
  restoreDay(tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]))
  eachPair(function(id, share)
    if redis.call('ZADD', HEARTBEATS, 'NX', now - LAPSE_MS - 1, id) == 1 then
      redis.call('HSET', REPLICAS, id, share .. ' 0 0 joining')
    end
  end)
  for _, id in ipairs(redis.call('ZRANGE', RUNNING, 0, -1)) do
    if isMine(id) then redis.call('ZREM', RUNNING, id) end
  end
  eachPair(function(id, left) redis.call('ZADD', RUNNING, now + left, id) end)
  eachPair(function(id, age) redis.call('ZADD', ENDED, now - age, id) end)
end

redis.call('HSETNX', DAY, me, 0)
redis.call('PEXPIRE', DAY, 2 * FORGET_MS)
for _, key in ipairs({ RUNNING, ENDED, HEARTBEATS, REPLICAS, COUNTS }) do redis.call('PEXPIRE', key, FORGET_MS) end

local running, ended = {}, {}
local calls = redis.call('ZRANGE', RUNNING, 0, -1, 'WITHSCORES')
for i = 1, #calls, 2 do
  if not isMine(calls[i]) then running[#running + 1] = calls[i + 1] - now end
end
calls = redis.call('ZRANGE', ENDED, 0, -1, 'WITHSCORES')
for i = 1, #calls, 2 do
  if not isMine(calls[i]) then
    -- In steps of 50 ms, rounded up: one entry for many calls.
    local refill = math.ceil((calls[i + 1] + WINDOW_MS - now) / 50) * 50
    if ended[#ended - 1] == refill then
      ended[#ended] = ended[#ended] + 1
    else
      ended[#ended + 1] = refill
      ended[#ended + 1] = 1
    end
  end
end

local s = survey(me)
local peersToday = tonumber(redis.call('HGET', DAY, 'total') or 0) - redis.call('HGET', DAY, me)
local probe = redis.call('HGET', DAY, 'probe')
local blank = redis.call('HGET', COUNTS, 'blank')
return {
  'view', now, now - redis.call('HGET', COUNTS, 'epoch'), math.max(0, redis.call('PTTL', PAUSE)),
  s.connected, s.activePeers, tostring(s.peerDemand), tostring(s.connectedShare), tostring(s.reservedShare),
  peersToday, running, ended, s.peers, probe and math.max(0, probe - now) or -1,
  blank and math.max(0, blank + WINDOW_MS - now) or 0
}
