-- Marks: names that count until a time. A sorted set has the end of each, and a
-- hash has a second time of some. All times are microseconds. A mark has ended
-- when it has ended by both clocks: see late in common.lua.

-- The end of a mark that has not ended, or nil.
local function endOf(ends, name, now)
  local at = tonumber(redis.call('ZSCORE', ends, name) or 0)
  if at > late(now) then return at end
  return nil
end

-- Forgets marks that have ended: at most so many. Returns how many there were.
local function sweepMarks(ends, untils, now, most)
  local over = redis.call('ZRANGEBYSCORE', ends, '-inf', whole(late(now)), 'LIMIT', 0, most)
  for _, name in ipairs(over) do
    redis.call('ZREM', ends, name)
    redis.call('HDEL', untils, name)
  end
  return #over
end
