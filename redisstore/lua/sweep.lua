-- ARGV: prefix, number. KEYS[4] and KEYS[5] are marks.
local now, most = clock(), tonumber(ARGV[2])
proceed(ARGV[1] .. 'room')
return sweepRows(now, most) + sweepMarks(KEYS[4], KEYS[5], now, most)
