-- ARGV: prefix, client, id, end, max. A client may hold at most as many ids as
-- there is free room, so that one client cannot take all of it.
local use, ends = ARGV[2] .. ARGV[3], tonumber(ARGV[4])
local now = clock()
local old = redis.call('ZSCORE', KEYS[1], use)
if ends <= late(now) or old and tonumber(old) > late(now) then return {'no'} end
local function room()
  local held = tonumber(redis.call('HGET', KEYS[2], ARGV[2]) or 0)
  return held < tonumber(ARGV[5]) - redis.call('ZCARD', KEYS[1])
end
if old or not room() then
  proceed(ARGV[1] .. 'room')
  sweepUses(now, 1024)
  if not room() then return {'full'} end
end
-- An end that was not swept among 1024 others is moved, and is counted already.
if redis.call('ZADD', KEYS[1], whole(endHere(ends, now)), use) == 1 then redis.call('HINCRBY', KEYS[2], ARGV[2], 1) end
sweepUses(now, 16)
return {'ok'}
