--!df flags=allow-undeclared-keys
-- The clock of the engine, in microseconds.
local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end

-- The time by which what must not be forgotten early has ended: what refuses
-- somebody. That is the earlier of the clock of the engine and the clock of the
-- process, which is the last of ARGV. So neither clock alone, if it is ahead,
-- ends a revocation while tokens are still good.
local function late(now) return math.min(now, tonumber(ARGV[#ARGV])) end

-- The end by the clock of the engine of what ends at a time by the clock of the
-- process. A process whose clock is behind, by a second or more, means a
-- later time than it says.
local function endHere(ends, now)
  local ahead = now - tonumber(ARGV[#ARGV])
  if ahead < 1000000 then return ends end
  return math.max(ends, math.min(ends + ahead, 2 ^ 53 - 1))
end

-- A whole number as text, without an exponent.
local function whole(n) return string.format('%.0f', n) end

-- Redis at its maxmemory refuses the first write of a step, if the write can
-- grow. So the first write of a step that makes something new is one that can
-- grow: if it is refused, the step has changed nothing. A step that changes
-- what is there calls proceed first: DEL is never refused, and after it Redis
-- lets the step go on.
local function proceed(key) redis.call('DEL', key) end
