-- ARGV: prefix, id, end, max, names, content, limit, time of the login, mark of
-- the session at the provider, mark of the subject there, replaced ids, time of the process.
-- KEYS[4] and KEYS[5] are the marks of logins that have ended.
local id, ends, max, names, content = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
local limit, login = tonumber(ARGV[7]), tonumber(ARGV[8])
local now = clock()
if redis.call('EXISTS', KEYS[1]) == 1 then return {'taken'} end
if ARGV[9] ~= '' and endOf(KEYS[4], ARGV[9], now) then return {'ended'} end
if ARGV[10] ~= '' and endOf(KEYS[4], ARGV[10], now) then
  if login <= tonumber(redis.call('HGET', KEYS[5], ARGV[10])) then return {'ended'} end
end

local replaced = {}
for i = 11, #ARGV - 1 do replaced[ARGV[i]] = true end
local leaving, staying = {}, {}
for order, other in ipairs(redis.call('ZRANGE', ARGV[1] .. 'by:' .. string.sub(names, 2, 23), 0, -1)) do
  local head = headOf(other)
  if head then
    local list = replaced[other] and leaving or staying
    list[#list + 1] = {id = other, names = head.names, at = tonumber(head.first), order = order}
  end
end
table.sort(staying, function(a, b) return a.at < b.at or a.at == b.at and a.order < b.order end)
for i = 1, #staying - limit + 1 do leaving[#leaving + 1] = staying[i] end
if alive(now) - #leaving >= max then return {'full'} end

local answer = {'ok'}
for _, other in ipairs(leaving) do
  remove(other.id, other.names)
  answer[#answer + 1] = other.id
end
local at = stampOf(now)
put(id, at .. at .. at .. names .. content, ends)
sweepRows(now, 16)
return answer
