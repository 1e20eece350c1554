-- Record that a worker's model hung while it ran this part. A worker ends then, so it has one strike.
-- args: id, part, worker
write_even_if_full()
local job, striker = job_key(args.id), 'striker:' .. args.part
if redis.call('EXISTS', job) == 0 or redis.call('HGET', job, striker) == args.worker then return end
redis.call('HSET', job, striker, args.worker)
redis.call('HINCRBY', job, 'strikes:' .. args.part, 1)
