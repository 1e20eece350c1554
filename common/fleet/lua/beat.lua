-- Record a worker's heartbeat. args: name, ttl_s. ARGV: the heartbeat as JSON
write_even_if_full()
local at = ledger_now()
redis.call('SET', worker_key(args.name), ARGV[2], 'PX', math.floor(args.ttl_s * 1000))
redis.call('ZADD', WORKERS, stamp(at), args.name)
redis.call('ZREMRANGEBYSCORE', WORKERS, '-inf', stamp(at - args.ttl_s))
return 1
