-- ARGV: prefix, id, end, version, names, content, time of the key, seen mark.
local old = headOf(ARGV[2])
if not old then return {'gone'} end
if old.version ~= ARGV[4] then return {'changed'} end
local now, names = clock(), ARGV[5]
local mark = revokedBy(string.sub(names, 2, 23), ARGV[7], ARGV[8], now)
if mark then return {'marked', mark} end
replace(ARGV[2], old, versionAfter(old.version, now) .. old.first .. old.second .. names .. ARGV[6], ARGV[3])
return {'ok'}
