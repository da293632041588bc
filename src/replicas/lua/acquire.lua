-- A permit for one call. ARGV: replica, id, when it was sent, lease in ms, calls in a window, calls at a time, calls that a
-- peer may not have seen, calls of the day, how long locks last in ms, and the number of locks of each lead. KEYS: the
-- locks, after the fixed ones.
-- A lead gets all its locks or none; if no lead gets its locks, nothing is booked.
local me, id, lease = ARGV[1], ARGV[2], tonumber(ARGV[4])
local size, atOnce, maxUnseen, daily = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local FIXED_ARGS = 9

if now - ARGV[3] > COMMAND_TIMEOUT_MS then return { 'stale', now } end
if not redis.call('ZSCORE', HEARTBEATS, me) then return { 'unknown', now } end
expire()
local pause = redis.call('PTTL', PAUSE)
if pause > 0 then return { 'paused', now, pause } end
if tonumber(redis.call('HGET', DAY, 'total') or 0) >= daily then return { 'day', now, 0 } end

local s = survey(me)
local running = redis.call('ZCARD', RUNNING)
local over = running + redis.call('ZCARD', ENDED) + math.ceil(s.reservedShare * size) - size
if over >= 0 then
  local last = redis.call('ZRANGE', ENDED, over, over, 'WITHSCORES')
  return { 'window', now, last[2] and last[2] + WINDOW_MS - now or 0 }
end
local reserved = s.reservedShare > 0 and math.max(1, math.floor(s.reservedShare * atOnce)) or 0
if running + math.min(reserved, atOnce - 1) >= atOnce then return { 'concurrency', now, 0 } end
if s.unseen >= maxUnseen then return { 'unseen', now, 0 } end

local function lock(first, last)
  for key = first, last do
    local owner, keeper = redis.call('GET', KEYS[key]), redis.call('GET', KEYS[key] .. KEPT)
    if owner and owner ~= id or keeper and keeper ~= me then return false end
  end
  for key = first, last do redis.call('SET', KEYS[key], id, 'PX', ARGV[9]) end
  return true
end

local leads, held, last = #ARGV - FIXED_ARGS, {}, FIXED_KEYS
for lead = 1, leads do
  local first = last + 1
  last = last + ARGV[FIXED_ARGS + lead]
  if not lock(first, last) then held[#held + 1] = lead - 1 end
end
if #held == leads then return { 'held', now, 0 } end

redis.call('ZADD', RUNNING, now + lease, id)
redis.call('PEXPIRE', RUNNING, FORGET_MS)
redis.call('HINCRBY', COUNTS, 'all', 1)
redis.call('HINCRBY', COUNTS, 'g:' .. me, 1)
redis.call('HINCRBY', DAY, 'total', 1)
redis.call('HINCRBY', DAY, me, 1)
redis.call('PEXPIRE', DAY, 2 * FORGET_MS)
return { 'granted', now, 0, held }
