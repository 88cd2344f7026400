-- ARGV: prefix, id, every.
local old = headOf(ARGV[2])
if not old then return {'gone'} end
local now = clock()
if now - tonumber(old.second) >= tonumber(ARGV[3]) then
  proceed(ARGV[1] .. 'room')
  redis.call('SETRANGE', KEYS[1], 32, stampOf(now))
end
return {'ok'}
