-- Rows. ARGV[1] is how all keys of the slot begin. KEYS[1] is the row,
-- KEYS[2] all ids in their order, KEYS[3] the ends of all rows. Other keys are
-- of the same slot: those of rows that a step ends, and of their names.
--
-- A row is text: the version, two times, the names and the content. A number
-- has 16 digits. The names are their count and, for each, 22 bytes. They are
-- how a row is found other than by its id. Only Go reads the content. The first
-- STAMP bytes of a content say when the first time of the row is set anew.
local HEAD = 48

-- The names of a row, or of a member of KEYS[3], from a place on.
local function namesAt(text, at)
  local count = tonumber(string.sub(text, at, at)) or 0
  return string.sub(text, at, at + 22 * count)
end

-- The head of the row with the id, or nil.
local function headOf(id)
  local text = redis.call('GETRANGE', ARGV[1] .. 'row:' .. id, 0, HEAD + 67 + STAMP - 1)
  if text == '' then return nil end
  local names = namesAt(text, HEAD + 1)
  return {
    version = string.sub(text, 1, 16),
    first = string.sub(text, 17, 32),
    second = string.sub(text, 33, 48),
    names = names,
    stamp = string.sub(text, HEAD + #names + 1, HEAD + #names + STAMP),
  }
end

-- Calls f with the key of each name.
local function eachName(names, f)
  for at = 2, #names, 22 do f(ARGV[1] .. 'by:' .. string.sub(names, at, at + 21)) end
end

-- An error in the middle of a step, such as that of a key of another type,
-- leaves what was done until then. So a row comes last and goes first: without
-- its row an entry of an index means nothing. The entry in KEYS[3] comes first
-- and goes last, because a sweep finds the others by it.

-- Stores a row. Without ends it is kept for good.
local function put(id, row, ends)
  local names = namesAt(row, HEAD + 1)
  redis.call('ZADD', KEYS[3], ends == '' and 'inf' or ends, names .. id)
  redis.call('ZADD', KEYS[2], 0, id)
  eachName(names, function(key) redis.call('ZADD', key, 0, id) end)
  if ends == '' then
    redis.call('SET', ARGV[1] .. 'row:' .. id, row)
  else
    redis.call('SET', ARGV[1] .. 'row:' .. id, row, 'PXAT', ends)
  end
end

local function remove(id, names)
  redis.call('DEL', ARGV[1] .. 'row:' .. id)
  eachName(names, function(key) redis.call('ZREM', key, id) end)
  redis.call('ZREM', KEYS[2], id)
  redis.call('ZREM', KEYS[3], names .. id)
end

-- Replaces a row in a step that changes it.
local function replace(id, old, row, ends)
  proceed(ARGV[1] .. 'room')
  put(id, row, ends)
  if namesAt(row, HEAD + 1) ~= old.names then
    eachName(old.names, function(key) redis.call('ZREM', key, id) end)
    redis.call('ZREM', KEYS[3], old.names .. id)
  end
end

-- The number of rows that have not ended, by the clock.
local function alive(now)
  return redis.call('ZCOUNT', KEYS[3], whole(math.floor(now / 1000)), '+inf')
end

-- Forgets what is left of rows that Redis has expired: at most so many.
-- Returns how many it has found.
local function sweepRows(now, most)
  local over = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', '(' .. whole(math.floor(now / 1000)), 'LIMIT', 0, most)
  for _, member in ipairs(over) do
    local names = namesAt(member, 1)
    local id = string.sub(member, #names + 1)
    local head = headOf(id)
    if head == nil then
      remove(id, names)
    elseif head.names ~= names then
      -- The id has been given anew, to a row with other names.
      redis.call('ZREM', KEYS[3], member)
      eachName(names, function(key)
        if not string.find(head.names, string.sub(key, -22), 2, true) then redis.call('ZREM', key, id) end
      end)
    end
  end
  return #over
end

-- The version after another one. It is a time, so that no version comes back,
-- not even after a failover that has lost some.
local function versionAfter(old, now) return string.format('%016.0f', math.max(tonumber(old) + 1, now)) end
local function stampOf(now) return string.format('%016.0f', now) end
