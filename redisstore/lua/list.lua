-- ARGV: prefix, last id of the page before, number. KEYS[1] has ids in their
-- order. Returns the time, the last id that was looked at, how many were looked
-- at, and each row behind its id.
local ids = redis.call('ZRANGEBYLEX', KEYS[1], '(' .. ARGV[2], '+', 'LIMIT', 0, ARGV[3])
local answer = {whole(clock()), ids[#ids] or '', #ids}
for _, id in ipairs(ids) do
  local row = redis.call('GET', ARGV[1] .. 'row:' .. id)
  if row then
    answer[#answer + 1] = id
    answer[#answer + 1] = row
  end
end
return answer
