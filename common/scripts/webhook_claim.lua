-- Take a delivery that is due: for as long as the lease lasts nobody else does. Returns its job and
-- its fields, or nothing. ARGV: seconds of the lease
local at = now()

local function claim(id)
  local key = webhook_key(id)
  if redis.call('EXISTS', key) == 0 then return redis.call('ZREM', WEBHOOKS, id) and nil end
  redis.call('HINCRBY', key, 'claims', 1)
  redis.call('HINCRBY', key, 'attempts', 1)
  redis.call('ZADD', WEBHOOKS, stamp(at + ARGV[1]), id)
  return { id, redis.call('HGETALL', key) }
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', WEBHOOKS, '-inf', stamp(at), 'LIMIT', 0, 100)) do
  local looked, found = pcall(claim, id)
  if not looked then redis.call('ZREM', WEBHOOKS, id) end  -- no delivery of ours
  if looked and found then return found end
end
return false
