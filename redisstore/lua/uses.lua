-- Uses: ids that clients have used. KEYS[1] is a sorted set with the end of
-- each. A member is 16 bytes for the client and 16 bytes for the id. KEYS[2] is
-- a hash with the number of ids that each client has there.

-- Forgets uses that have ended by both clocks: at most so many. Returns how many there were.
local function sweepUses(now, most)
  local over = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', whole(late(now)), 'LIMIT', 0, most)
  for _, use in ipairs(over) do
    local client = string.sub(use, 1, 16)
    redis.call('ZREM', KEYS[1], use)
    if redis.call('HINCRBY', KEYS[2], client, -1) <= 0 then redis.call('HDEL', KEYS[2], client) end
  end
  return #over
end
