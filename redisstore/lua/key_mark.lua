-- ARGV: prefix, id, place of the mark, time, every.
local text = redis.call('GETRANGE', KEYS[1], ARGV[3], ARGV[3] + 15)
if text == '' then return {'gone'} end
local last = tonumber(text)
if last > 0 and tonumber(ARGV[4]) - last < tonumber(ARGV[5]) then return {'no'} end
proceed(ARGV[1] .. 'room')
redis.call('SETRANGE', KEYS[1], ARGV[3], string.format('%016.0f', ARGV[4]))
return {'ok'}
