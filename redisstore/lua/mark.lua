-- ARGV: prefix, name, end, second time or nothing, max. KEYS[1] and KEYS[2] are
-- the marks. Of two marks of one name, the later times count.
local name, ends, second = ARGV[2], tonumber(ARGV[3]), ARGV[4]
local now = clock()
if ends <= late(now) then return {'ok'} end
ends = endHere(ends, now)
local old = endOf(KEYS[1], name, now)
if old then
  proceed(ARGV[1] .. 'room')
  ends = math.max(old, ends)
elseif redis.call('ZCOUNT', KEYS[1], '(' .. whole(late(now)), '+inf') >= tonumber(ARGV[5]) then
  return {'full'}
end
local before = old and redis.call('HGET', KEYS[2], name)
redis.call('ZADD', KEYS[1], whole(ends), name)
if second ~= '' and (not before or tonumber(second) > tonumber(before)) then
  redis.call('HSET', KEYS[2], name, second)
end
sweepMarks(KEYS[1], KEYS[2], now, 16)
return {'ok'}
