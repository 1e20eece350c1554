-- Record the outcome of an attempt, unless its lease ended and another worker claimed the delivery.
-- args: job, claim, outcome (delivered, failed, or pending: try again), status (of the answer, or
--       ''), error (or ''), pause_s (until the next attempt)
local id, key = args.job, webhook_key(args.job)
if tonumber(redis.call('HGET', key, 'claims') or 0) ~= args.claim then return 0 end
redis.call('HSET', key, 'state', args.outcome, 'status', args.status, 'error', args.error)
if args.outcome == 'pending' then
  redis.call('HSET', key, 'next', stamp(now() + args.pause_s))
  redis.call('ZADD', WEBHOOKS, stamp(ledger_now() + args.pause_s), id)
else
  redis.call('HSET', key, 'next', '')
  redis.call('ZREM', WEBHOOKS, id)
  redis.call('EXPIRE', key, redis.call('HGET', key, 'ttl'))
end
return 1
