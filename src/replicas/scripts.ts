import { createHash } from 'node:crypto';
import { WINDOW_MS } from '../dispatch/sliding-window.ts';

/**
 * What replicas agree on lives in these shapes, and every operation on them is one script, so that it happens whole or
 * not at all. Time is Redis' own (`TIME`); what goes in or out is relative to it, in ms.
 *
 * - `running`: calls by when their lease ends: a counting semaphore with leases
 * - `ended`: calls by when they ended: a sliding window log
 * - `beats`: replicas by when they were last heard of; `about`: share, demand, calls of others each has seen, and whether
 *   it has only just come `back`
 * - `counts`: `epoch`, when Redis' memory of calls began; `all` and `g:<replica>`, the permits given
 * - `pause`: exists while no replica may call
 * - `day:<hour it ends>`: calls of the day, `total` and by replica; `look`, once the upstream has called it spent: when it
 *   is asked again
 * - `lane:<hash>`: the call that has a key on its way, with a lease (`SET NX PX`, compare and delete)
 */
export type Script = { readonly sha: string; readonly source: string };

/** Replicas tell that they are alive this often. */
export const HEARTBEAT_MS = 200;
/** A replica not heard of for so long is away: its share is kept for it, since it may be calling by itself. */
export const LAPSE_MS = 1500;
/** For so long; then it counts as gone. */
const RESERVE_MS = 60_000;
/** Redis counts as away when it takes longer to answer; a command that comes later than that does nothing. */
export const COMMAND_TIMEOUT_MS = 500;

/** Everything is forgotten when no replica was there for so long. */
const FORGET_MS = 86_400_000;

const HEAD = `
local RUNNING, ENDED, BEATS, ABOUT, COUNTS, PAUSE, DAY = unpack(KEYS, 1, 7)
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
`;

/** A running call whose lease is over counts as ended then: its replica died, and nobody knows more. */
const EXPIRE = `
for _, id in ipairs(redis.call('ZRANGEBYSCORE', RUNNING, '-inf', now)) do
  redis.call('ZADD', ENDED, redis.call('ZSCORE', RUNNING, id), id)
  redis.call('ZREM', RUNNING, id)
end
redis.call('ZREMRANGEBYSCORE', ENDED, '-inf', now - ${WINDOW_MS})
`;

/**
 * Who is there and who is away. One that has just come back keeps its share until its next sign of life: it may not have
 * been answered, and still call on its own. What is kept for those who are away is never more than what the shares of the others
 * leave: a replica that was replaced keeps nothing.
 */
const ROSTER = `
local function roster(me)
  local r = { live = 0, share = 0, away = 0, activePeers = 1, demand = 0, unseen = 0, peers = {} }
  local all = tonumber(redis.call('HGET', COUNTS, 'all') or 0)
  local beats = redis.call('ZRANGE', BEATS, 0, -1, 'WITHSCORES')
  for i = 1, #beats, 2 do
    local id, age = beats[i], now - beats[i + 1]
    local about = redis.call('HGET', ABOUT, id) or '0 0 0 back'
    local share, demand, seen, state = string.match(about, '(%S+) (%S+) (%S+) (%S+)')
    if id == me then
      r.live, r.share = r.live + 1, r.share + share
    elseif age > ${RESERVE_MS} then
      redis.call('ZREM', BEATS, id)
      redis.call('HDEL', ABOUT, id)
      redis.call('HDEL', COUNTS, 'g:' .. id)
    else
      r.peers[#r.peers + 1] = id
      r.peers[#r.peers + 1] = share
      if age > ${LAPSE_MS} or state == 'back' then
        r.away = r.away + share
      else
        r.share = r.share + share
      end
      if age <= ${LAPSE_MS} then
        r.live, r.demand = r.live + 1, r.demand + demand
        if tonumber(demand) >= 1 then r.activePeers = r.activePeers + 1 end
        r.unseen = math.max(r.unseen, all - tonumber(redis.call('HGET', COUNTS, 'g:' .. id) or 0) - seen)
      end
    end
  end
  r.kept = math.min(r.away, math.max(0, 1 - r.share))
  return r
end
`;

const script = (source: string): Script => ({
  source,
  sha: createHash('sha1').update(source).digest('hex'),
});

/**
 * Leave for one call. ARGV: replica, id, when it was sent, lease in ms, calls in a window, calls at a time, calls the
 * others may not have seen at most, calls of the day, and the number of lanes of each lead. KEYS: the
 * lanes, after the fixed ones. A lead gets all its lanes or none; when no lead gets its lanes nothing is booked.
 */
export const ACQUIRE = script(`${HEAD}
local me, id, lease = ARGV[1], ARGV[2], tonumber(ARGV[4])
local size, atOnce, unseen, daily = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
if now - ARGV[3] > ${COMMAND_TIMEOUT_MS} then return { 'stale', now } end
if not redis.call('ZSCORE', BEATS, me) then return { 'unknown', now } end
${EXPIRE}${ROSTER}
local pause = redis.call('PTTL', PAUSE)
if pause > 0 then return { 'paused', now, pause } end
if tonumber(redis.call('HGET', DAY, 'total') or 0) >= daily then return { 'day', now, 0 } end
local r = roster(me)
local running = redis.call('ZCARD', RUNNING)
local over = running + redis.call('ZCARD', ENDED) + math.ceil(r.kept * size) - size
if over >= 0 then
  local last = redis.call('ZRANGE', ENDED, over, over, 'WITHSCORES')
  return { 'window', now, last[2] and last[2] + ${WINDOW_MS} - now or 0 }
end
local keptAtOnce = r.kept > 0 and math.max(1, math.floor(r.kept * atOnce)) or 0
if running + math.min(keptAtOnce, atOnce - 1) >= atOnce then return { 'concurrency', now, 0 } end
if r.unseen >= unseen then return { 'unseen', now, 0 } end
local held, key, isAny = {}, 7, false
for lead = 1, #ARGV - 8 do
  local last = key + ARGV[lead + 8]
  local isFree = true
  for lane = key + 1, last do
    local owner = redis.call('GET', KEYS[lane])
    if owner and owner ~= id then isFree = false end
  end
  if isFree then
    for lane = key + 1, last do redis.call('SET', KEYS[lane], id, 'PX', lease) end
    isAny = true
  else
    held[#held + 1] = lead - 1
  end
  key = last
end
if not isAny then return { 'held', now, 0 } end
redis.call('ZADD', RUNNING, now + lease, id)
redis.call('PEXPIRE', RUNNING, ${FORGET_MS})
redis.call('HINCRBY', COUNTS, 'all', 1)
redis.call('HINCRBY', COUNTS, 'g:' .. me, 1)
redis.call('HINCRBY', DAY, 'total', 1)
redis.call('HINCRBY', DAY, me, 1)
redis.call('PEXPIRE', DAY, ${2 * FORGET_MS})
return { 'granted', now, 0, held }
`);

/**
 * The end of a call. ARGV: replica, id, `ended` or `unsent`, ms that no replica shall call, ms until the upstream is asked
 * again whether the day is spent (0: nothing new; -1: it is not). KEYS: the lanes it may have.
 */
export const RELEASE = script(`${HEAD}
local me, id, pause, look = ARGV[1], ARGV[2], tonumber(ARGV[4]), tonumber(ARGV[5])
for lane = 8, #KEYS do
  if redis.call('GET', KEYS[lane]) == id then redis.call('DEL', KEYS[lane]) end
end
local wasRunning = redis.call('ZREM', RUNNING, id) == 1
if ARGV[3] == 'ended' then
  redis.call('ZADD', ENDED, now, id)
  redis.call('PEXPIRE', ENDED, ${FORGET_MS})
elseif wasRunning then
  redis.call('HINCRBY', DAY, 'total', -1)
  redis.call('HINCRBY', DAY, me, -1)
end
if look > 0 then redis.call('HSET', DAY, 'look', now + look) elseif look < 0 then redis.call('HDEL', DAY, 'look') end
if pause > 0 and redis.call('PTTL', PAUSE) < pause then redis.call('SET', PAUSE, 1, 'PX', pause) end
return { 'released', now }
`);

/** A call that was made without Redis takes the lanes it can get. ARGV: id, lease left in ms. KEYS: its lanes. */
export const LOCK = script(`
for lane = 8, #KEYS do redis.call('SET', KEYS[lane], ARGV[1], 'PX', ARGV[2], 'NX') end
return { 'locked', 0 }
`);

/**
 * A sign of life, answered with what the others do. ARGV: replica, when it was sent, share, demand; then, from a replica
 * that comes (back), what it knows: its calls of the day, the day's total as it last saw it and its own part of that;
 * the number of other replicas, each with its share; of its running calls, each with what is left of its lease; of its
 * calls that ended, each with its age. Whatever else Redis thinks of its calls is forgotten.
 *
 * When nobody was heard of for a while, Redis' memory may be old or empty: an epoch begins.
 */
export const SYNC = script(`${HEAD}
local me, isBack = ARGV[1], ARGV[5] ~= nil
if now - ARGV[2] > ${COMMAND_TIMEOUT_MS} then return { 'stale', now } end
if not isBack and not redis.call('ZSCORE', BEATS, me) then return { 'unknown', now } end
${EXPIRE}${ROSTER}
local newest = redis.call('ZREVRANGE', BEATS, 0, 0, 'WITHSCORES')
if not newest[2] or now - newest[2] > ${LAPSE_MS} then redis.call('HSET', COUNTS, 'epoch', now) end
redis.call('ZADD', BEATS, now, me)
local all = tonumber(redis.call('HGET', COUNTS, 'all') or 0)
local others = all - tonumber(redis.call('HGET', COUNTS, 'g:' .. me) or 0)
redis.call('HSET', ABOUT, me, ARGV[3] .. ' ' .. ARGV[4] .. ' ' .. others .. (isBack and ' back' or ' here'))
local prefix = me .. ':'
local function isMine(id) return string.sub(id, 1, #prefix) == prefix end
if isBack then
  local mine, known, mineThen = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
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
  local at = 8
  local function list(each)
    local last = at + 2 * ARGV[at]
    for i = at + 1, last, 2 do each(ARGV[i], ARGV[i + 1]) end
    at = last + 1
  end
  list(function(id, share)
    if redis.call('ZADD', BEATS, 'NX', now - ${LAPSE_MS} - 1, id) == 1 then
      redis.call('HSET', ABOUT, id, share .. ' 0 0 back')
    end
  end)
  for _, id in ipairs(redis.call('ZRANGE', RUNNING, 0, -1)) do
    if isMine(id) then redis.call('ZREM', RUNNING, id) end
  end
  list(function(id, left) redis.call('ZADD', RUNNING, now + left, id) end)
  list(function(id, age) redis.call('ZADD', ENDED, now - age, id) end)
end
redis.call('HSETNX', DAY, me, 0)
redis.call('PEXPIRE', DAY, ${2 * FORGET_MS})
for key = 1, 5 do redis.call('PEXPIRE', KEYS[key], ${FORGET_MS}) end
local r = roster(me)
local running, ended = {}, {}
local calls = redis.call('ZRANGE', RUNNING, 0, -1, 'WITHSCORES')
for i = 1, #calls, 2 do
  if not isMine(calls[i]) then running[#running + 1] = calls[i + 1] - now end
end
calls = redis.call('ZRANGE', ENDED, 0, -1, 'WITHSCORES')
for i = 1, #calls, 2 do
  if not isMine(calls[i]) then
    local back = math.ceil((calls[i + 1] + ${WINDOW_MS} - now) / 50) * 50
    if ended[#ended - 1] == back then
      ended[#ended] = ended[#ended] + 1
    else
      ended[#ended + 1] = back
      ended[#ended + 1] = 1
    end
  end
end
local total = tonumber(redis.call('HGET', DAY, 'total') or 0)
local look = redis.call('HGET', DAY, 'look')
return {
  'view', now, now - redis.call('HGET', COUNTS, 'epoch'), math.max(0, redis.call('PTTL', PAUSE)),
  r.live, r.activePeers, tostring(r.demand), tostring(r.share), tostring(r.kept),
  total - redis.call('HGET', DAY, me), running, ended, r.peers, look and math.max(0, look - now) or -1
}
`);

/** A clean stop: nothing is kept for the replica. What it still has on its way is held by leases. ARGV: replica. */
export const LEAVE = script(`${HEAD}
redis.call('ZREM', BEATS, ARGV[1])
redis.call('HDEL', ABOUT, ARGV[1])
redis.call('HDEL', COUNTS, 'g:' .. ARGV[1])
return { 'left', now }
`);
