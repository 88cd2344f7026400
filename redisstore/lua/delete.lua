-- ARGV: prefix, id.
local old = headOf(ARGV[2])
if not old then return {'gone'} end
remove(ARGV[2], old.names)
return {'ok'}
