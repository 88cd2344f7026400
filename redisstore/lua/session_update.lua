-- ARGV: prefix, id, end, version, names, content.
local old = headOf(ARGV[2])
if not old then return {'gone'} end
if old.version ~= ARGV[4] then return {'changed'} end
if old.names ~= ARGV[5] then return {'renamed'} end
local now = clock()
local refreshed = old.first
if string.sub(ARGV[6], 1, STAMP) ~= old.stamp then refreshed = stampOf(now) end
replace(ARGV[2], old, versionAfter(old.version, now) .. refreshed .. old.second .. ARGV[5] .. ARGV[6], ARGV[3])
return {'ok'}
