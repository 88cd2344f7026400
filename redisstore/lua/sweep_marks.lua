-- ARGV: prefix, number. KEYS[1] and KEYS[2] are the marks.
proceed(ARGV[1] .. 'room')
return sweepMarks(KEYS[1], KEYS[2], clock(), tonumber(ARGV[2]))
