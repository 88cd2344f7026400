-- ARGV: prefix, id, end, max, names, content, time of the key, seen mark, last
-- use, last report. KEYS[4] and KEYS[5] are the marks of owners. The answer
-- 'marked' has the mark of the owner: the record is to be stored as revoked.
local id, names = ARGV[2], ARGV[5]
local now = clock()
if redis.call('EXISTS', KEYS[1]) == 1 then return {'taken'} end
if alive(now) >= tonumber(ARGV[4]) then return {'full'} end
local mark = revokedBy(string.sub(names, 2, 23), ARGV[7], ARGV[8], now)
if mark then return {'marked', mark} end
put(id, stampOf(now) .. ARGV[9] .. ARGV[10] .. names .. ARGV[6], ARGV[3])
sweepRows(now, 16)
return {'ok'}
