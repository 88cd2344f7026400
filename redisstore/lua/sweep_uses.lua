-- ARGV: prefix, number.
proceed(ARGV[1] .. 'room')
return sweepUses(clock(), tonumber(ARGV[2]))
