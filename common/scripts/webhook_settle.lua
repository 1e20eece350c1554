-- Note what came of an attempt, unless its lease ended and somebody else took the delivery since.
-- ARGV: job, claim, outcome (delivered, failed, or pending: try again), the answer's status (or
--       nothing), error (or nothing), seconds until the next attempt, whether this was one (0 or 1)
local id, outcome, key = ARGV[1], ARGV[3], webhook_key(ARGV[1])
if redis.call('HGET', key, 'claims') ~= ARGV[2] then return 0 end
if ARGV[7] == '0' then
  redis.call('HINCRBY', key, 'attempts', -1)
else
  redis.call('HSET', key, 'state', outcome, 'status', ARGV[4], 'error', ARGV[5])
end
if outcome == 'pending' then
  local due = stamp(now() + ARGV[6])
  redis.call('HSET', key, 'next', due)
  redis.call('ZADD', WEBHOOKS, due, id)
else
  redis.call('HSET', key, 'next', '')
  redis.call('ZREM', WEBHOOKS, id)
  redis.call('EXPIRE', key, redis.call('HGET', key, 'ttl'))
end
return 1
