-- The start of every script, after the constants of shared-state.ts. Time is Redis' own (TIME), in ms; what goes in or out
-- is relative to it. docs/replicas.md#scripts says what the keys hold. Locks come after the fixed keys.
local RUNNING, ENDED, HEARTBEATS, REPLICAS, COUNTS, PAUSE, DAY = unpack(KEYS, 1, 7)
local FIXED_KEYS = 7
-- Ends the name of what keeps a lock from other replicas; the hash tag puts it in the slot of the lock.
local KEPT = ':kept'
-- How long the share of a silent replica is reserved, and how long anything is remembered without replicas.
local RESERVE_MS, FORGET_MS = 60000, 86400000

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Ends calls whose lease is over (their replica died), and forgets those that have left the window.
local function expire()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', RUNNING, '-inf', now)) do
    redis.call('ZADD', ENDED, redis.call('ZSCORE', RUNNING, id), id)
    redis.call('ZREM', RUNNING, id)
  end
  redis.call('ZREMRANGEBYSCORE', ENDED, '-inf', now - WINDOW_MS)
end

-- Calls granted to all replicas but this one.
local function grantedToPeers(replica)
  local all = tonumber(redis.call('HGET', COUNTS, 'all') or 0)
  return all - tonumber(redis.call('HGET', COUNTS, 'g:' .. replica) or 0)
end

-- What `me` may know of all replicas. One that is joining keeps its share until its next heartbeat: it may not have had
-- its reply, and still call standalone. The shares of silent replicas are reserved only as far as the others leave room,
-- so that a replica that was replaced reserves nothing.
local function survey(me)
  local s = { connected = 0, connectedShare = 0, activePeers = 1, peerDemand = 0, unseen = 0, peers = {} }
  local silentShare = 0
  local heartbeats = redis.call('ZRANGE', HEARTBEATS, 0, -1, 'WITHSCORES')
  for i = 1, #heartbeats, 2 do
    local id, age = heartbeats[i], now - heartbeats[i + 1]
    local record = redis.call('HGET', REPLICAS, id) or '0 0 0 joining'
    local share, demand, seen, state = string.match(record, '(%S+) (%S+) (%S+) (%S+)')
    if id == me then
      s.connected, s.connectedShare = s.connected + 1, s.connectedShare + share
    elseif age > RESERVE_MS then
      redis.call('ZREM', HEARTBEATS, id)
      redis.call('HDEL', REPLICAS, id)
      redis.call('HDEL', COUNTS, 'g:' .. id)
    else
      s.peers[#s.peers + 1] = id
      s.peers[#s.peers + 1] = share
      if age > LAPSE_MS or state == 'joining' then
        silentShare = silentShare + share
      else
        s.connectedShare = s.connectedShare + share
      end
      if age <= LAPSE_MS then
        s.connected, s.peerDemand = s.connected + 1, s.peerDemand + demand
        if tonumber(demand) >= 1 then s.activePeers = s.activePeers + 1 end
        s.unseen = math.max(s.unseen, grantedToPeers(id) - seen)
      end
    end
  end
  s.reservedShare = math.min(silentShare, math.max(0, 1 - s.connectedShare))
  return s
end

