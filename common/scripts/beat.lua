-- A worker says that it lives. ARGV: name, what it says of itself as JSON, seconds until it is dead
write_even_if_full()
local at, ttl = now(), tonumber(ARGV[3])
redis.call('SET', worker_key(ARGV[1]), ARGV[2], 'PX', math.floor(ttl * 1000))
redis.call('ZADD', WORKERS, stamp(at), ARGV[1])
redis.call('ZREMRANGEBYSCORE', WORKERS, '-inf', stamp(at - ttl))
return 1
