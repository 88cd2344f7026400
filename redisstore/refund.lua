-- Gives back what debit.lua has taken, as far as time has not restored it.
--
-- KEYS: one for each cell. ARGV: five values for each cell: the algorithm, the
-- limit, the span, how many requests to give back, and the mark of the debit.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local min, max, ceil = math.min, math.max, math.ceil

local function save(key, state, left)
  redis.call('SET', key, state, 'PX', string.format('%.0f', ceil(left / 1000)))
end

local function text(n) return string.format('%.0f', n) end

local back = {}

function back.g(key, state, limit, span, n, mark)
  local level = tonumber(state)
  if not level then return end
  level = min(level - now, 2 * limit * span)
  level = level - max(0, min(n * span, mark - now))
  if level <= 0 then
    redis.call('DEL', key)
  else
    save(key, text(now + level), level)
  end
end

function back.f(key, state, limit, span, n, mark)
  local stop, used = string.match(state, '^(%d+) (%d+)$')
  if not stop then return end
  stop, used = tonumber(stop), tonumber(used)
  if stop ~= mark or stop <= now then return end
  used = used - n
  if used <= 0 then
    redis.call('DEL', key)
  else
    redis.call('SET', key, text(stop) .. ' ' .. text(used), 'KEEPTTL')
  end
end

function back.s(key, state, limit, span, n, mark)
  if not string.match(state, '^%d+:%d+[%d: ]*$') then return end
  local log = {}
  for t, m in string.gmatch(state, '(%d+):(%d+)') do
    t, m = tonumber(t), tonumber(m)
    if t == mark then m = m - n end
    if m > 0 then log[#log + 1] = text(t) .. ':' .. text(m) end
  end
  if #log == 0 then
    redis.call('DEL', key)
  else
    redis.call('SET', key, table.concat(log, ' '), 'KEEPTTL')
  end
end

for i, key in ipairs(KEYS) do
  local a = 5 * (i - 1)
  local state = redis.call('GET', key)
  if state then
    back[ARGV[a + 1]](key, state, tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3]), tonumber(ARGV[a + 4]), tonumber(ARGV[a + 5]))
  end
end
return '1'
