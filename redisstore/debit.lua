-- Takes from all cells or from none. See Limits.
--
-- KEYS: one for each cell. ARGV: six values for each cell: the algorithm ("g",
-- "f" or "s"), the limit (GCRA: the burst), the span (GCRA: what one request
-- occupies; otherwise the window), the cost, "1" if it may owe, and the ends of
-- the windows of a calendar.
--
-- Reply: one text of numbers: 1 if it has taken, else 0; then for each cell 1 if
-- it is exceeded, the requests that are left, the time until more are left, the
-- time until there is room, the mark, and how many requests were taken.
--
-- Times are whole microseconds. A limit is at most 6.4e13, a time of a level at
-- most 1.3e14, and the clock about 1.8e15, so that each sum stays below 2^53,
-- up to which a double counts exactly.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local floor, min, max, ceil = math.floor, math.min, math.max, math.ceil

local format, call = string.format, redis.call

local function save(key, state, left)
  call('SET', key, state, 'PX', format('%.0f', ceil(left / 1000)))
end

local function text(n) return format('%.0f', n) end

-- The algorithms beside GCRA. Each run of the script makes its functions anew,
-- which takes as long as a decision. So they are made only if a cell needs them.
local function others()
  local look, take, keep, left, reset = {}, {}, {}, {}, {}

  -- Fixed windows. The state is the end of the window, and what was used in it.
  function look.f(c, state)
    local stop, used = 0, 0
    if state then
      stop, used = string.match(state, '^(%d+) (%d+)$')
      if not stop then return false end
      stop, used = tonumber(stop), tonumber(used)
    end
    local before, after, second
    if c.ends ~= '' then
      for e in string.gmatch(c.ends, '%d+') do
        e = tonumber(e)
        if e <= now then before = e
        elseif not after then after = e
        elseif not second then second = e end
      end
      if not (before and after) then return nil end
    end
    used = min(used, 2 * c.limit)
    if stop > now then
      local cut = after or min(stop, now + c.span)
      stop, c.cut = cut, cut ~= stop
    elseif used > c.limit and (before and stop == before or not before and now < stop + c.span) then
      -- What is owed is used in the window that follows.
      stop, used = after or stop + c.span, used - c.limit
    else
      stop, used = after or now + c.span, 0
    end
    c.stop, c.used = stop, used
    c.following = second and second - stop or c.span
    c.wait = 0
    if used + c.cost > c.limit then
      c.wait = stop - now
      if c.cost <= c.limit and used - c.limit + c.cost > c.limit then c.wait = c.wait + c.following end
    end
    return true
  end

  function take.f(c, n) c.used = c.used + n end

  function keep.f(c)
    local lasts = c.stop - now
    if c.used > c.limit then lasts = lasts + c.following end
    save(c.key, text(c.stop) .. ' ' .. text(c.used), lasts)
  end

  function left.f(c) return c.limit - c.used end

  function reset.f(c)
    if c.used >= 2 * c.limit then return c.stop - now + c.following end
    return c.stop - now
  end

  -- The sliding log. The state is the times of the requests and how many came at
  -- each time, from the oldest to the latest.
  function look.s(c, state)
    local log, total, last = {}, 0, 0
    if state then
      if not string.match(state, '^%d+:%d+[%d: ]*$') then return false end
      for t, n in string.gmatch(state, '(%d+):(%d+)') do
        t, n = tonumber(t), tonumber(n)
        -- After the clock was set back, what lies ahead counts as of now. Times
        -- are ahead by some microseconds if several requests came at once.
        if t > now + 1000000 then t, c.cut = max(last, now), true end
        if t + c.span > now then
          log[#log + 1] = {t, n}
          total, last = total + n, t
        end
      end
    end
    c.log, c.used, c.last = log, total, last
    c.wait = 0
    if total + c.cost > c.limit then
      c.wait = c.span
      local more = total + c.cost - c.limit
      for _, e in ipairs(log) do
        more = more - e[2]
        if more <= 0 then
          c.wait = e[1] + c.span - now
          break
        end
      end
    end
    return true
  end

  function take.s(c, n)
    c.last, c.used = max(now, c.last + 1), c.used + n
    c.log[#c.log + 1] = {c.last, n}
  end

  function keep.s(c)
    local state = {}
    for i, e in ipairs(c.log) do state[i] = text(e[1]) .. ':' .. text(e[2]) end
    save(c.key, table.concat(state, ' '), c.last + c.span - now)
  end

  function left.s(c) return c.limit - c.used end

  function reset.s(c)
    local more = max(1, c.used - c.limit + 1)
    for _, e in ipairs(c.log) do
      more = more - e[2]
      if more <= 0 then return e[1] + c.span - now end
    end
    return c.span
  end

  return look, take, keep, left, reset
end

local look, take, keep, left, reset

local cells, ok = {}, true
for i, key in ipairs(KEYS) do
  local a = 6 * (i - 1)
  local c = {
    key = key, kind = ARGV[a + 1], limit = tonumber(ARGV[a + 2]), span = tonumber(ARGV[a + 3]),
    cost = tonumber(ARGV[a + 4]), debt = ARGV[a + 5] == '1', ends = ARGV[a + 6], taken = 0,
    wait = 0, level = 0, cut = false, exceeded = false,
  }
  local state, known = call('GET', key), true
  if c.kind == 'g' then
    -- GCRA. The state is until when the requests have the cell occupied.
    if state then
      local level = tonumber(state)
      known = level ~= nil
      if known then
        -- A clock that was set back, or a slower policy, locks nobody out for
        -- longer than two quotas take. What is cut is written, also by a
        -- refusal: otherwise it would be cut again each time, and would never
        -- end.
        level = max(0, level - now)
        local most = 2 * c.limit * c.span
        c.cut = level > most
        c.level = min(level, most)
      end
    end
    c.wait = c.level + (c.cost - c.limit) * c.span
  else
    if not look then look, take, keep, left, reset = others() end
    known = look[c.kind](c, state)
  end
  if known == nil then return redis.error_reply('BULWARKENDS no end of a calendar window is before now, or none is after now') end
  if not known then return redis.error_reply('BULWARKSTATE a key has a value that is not of this package') end
  c.exceeded = c.cost > 0 and not c.debt and c.wait > 0
  if c.exceeded then ok = false else c.wait = 0 end
  cells[i] = c
end

local reply = {ok and '1' or '0'}
for i, c in ipairs(cells) do
  local gcra = c.kind == 'g'
  if ok then
    c.taken = c.cost
    if c.debt then
      local owed = gcra and floor((2 * c.limit * c.span - c.level) / c.span) or 2 * c.limit - c.used
      c.taken = max(0, min(c.cost, owed))
    end
    if gcra then c.level = c.level + c.taken * c.span
    elseif c.taken > 0 then take[c.kind](c, c.taken) end
  end
  if c.taken > 0 or c.cut then
    if gcra then save(c.key, text(now + c.level), c.level) else keep[c.kind](c) end
  end
  local remaining, again = 0, 0
  if gcra then
    remaining = max(0, floor((c.limit * c.span - c.level) / c.span))
    if remaining < c.limit then again = c.level - (c.limit - remaining - 1) * c.span end
  else
    remaining = max(0, left[c.kind](c))
    if remaining < c.limit then again = reset[c.kind](c, remaining) end
  end
  reply[i + 1] = format('%d %.0f %.0f %.0f %.0f %.0f', c.exceeded and 1 or 0, remaining, again, c.wait,
    gcra and now + c.level or c.kind == 'f' and c.stop or c.last, c.taken)
end
return table.concat(reply, ' ')
