-- ARGV: time of the issue, then a name of the credential each, and the
-- time of the process. A name that
-- begins with "u" is the subject's: its mark has a second time.
local now = clock()
for i = 2, #ARGV - 1 do
  if endOf(KEYS[1], ARGV[i], now) then
    if string.sub(ARGV[i], 1, 1) ~= 'u' then return 1 end
    if tonumber(ARGV[1]) <= tonumber(redis.call('HGET', KEYS[2], ARGV[i])) then return 1 end
  end
end
return 0
