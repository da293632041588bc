-- The end of a call. ARGV: replica, id, `ended` or `unsent`, ms that no replica may call, ms until the upstream is asked
-- again whether the day is spent (0: nothing new; -1: it is not spent), ms that the upstream may still work on it after it
-- was given up (0: it has ended), ms that its locks are kept from other replicas (-1: they follow the call). KEYS: the
-- locks it may have, after the fixed ones.
local me, id, pause, probe, runs = ARGV[1], ARGV[2], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local kept = tonumber(ARGV[7])

-- One that expires in no time is deleted.
for key = FIXED_KEYS + 1, #KEYS do
  if redis.call('GET', KEYS[key]) == id then redis.call('PEXPIRE', KEYS[key], kept < 0 and runs or 0) end
  if kept > 0 then redis.call('SET', KEYS[key] .. KEPT, me, 'PX', kept) end
end
local wasRunning = redis.call('ZREM', RUNNING, id) == 1
if runs > 0 then
  redis.call('ZREM', ENDED, id)
  redis.call('ZADD', RUNNING, now + runs, id)
  redis.call('PEXPIRE', RUNNING, FORGET_MS)
elseif ARGV[3] == 'ended' then
  redis.call('ZADD', ENDED, now, id)
  redis.call('PEXPIRE', ENDED, FORGET_MS)
elseif wasRunning then
  redis.call('HINCRBY', DAY, 'total', -1)
  redis.call('HINCRBY', DAY, me, -1)
end
if probe > 0 then
  redis.call('HSET', DAY, 'probe', now + probe)
elseif probe < 0 then
  redis.call('HDEL', DAY, 'probe')
end
if pause > 0 and redis.call('PTTL', PAUSE) < pause then redis.call('SET', PAUSE, 1, 'PX', pause) end
return { 'released', now }
