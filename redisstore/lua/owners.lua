-- The mark of an owner that revokes a key made at a time, as text, or nil. An
-- empty time is that of a key that is revoked already. A mark that the caller
-- has seen and has followed is nil.
local function revokedBy(owner, made, seen, now)
  if made == '' or not endOf(KEYS[4], owner, now) then return nil end
  local mark = redis.call('HGET', KEYS[5], owner)
  if tonumber(made) > tonumber(mark) or mark == seen then return nil end
  return mark
end
