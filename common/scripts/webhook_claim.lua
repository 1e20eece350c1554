-- Claim a delivery that is due: nobody else gets it before the lease ends. Returns its job and its
-- fields, or nothing. args: lease_s
local at = now()

local function claim(id)
  local key = webhook_key(id)
  if redis.call('EXISTS', key) == 0 then return redis.call('ZREM', WEBHOOKS, id) and nil end
  redis.call('HINCRBY', key, 'claims', 1)
  redis.call('HINCRBY', key, 'attempts', 1)
  redis.call('ZADD', WEBHOOKS, stamp(at + args.lease_s), id)
  return { id, redis.call('HGETALL', key) }
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', WEBHOOKS, '-inf', stamp(at), 'LIMIT', 0, 100)) do
  local claimed = claim(id)
  if claimed then return claimed end
end
return false
