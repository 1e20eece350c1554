-- Return a part that this worker began but does not finish; repair resends it. It does not count as
-- a try. args: id, part, worker
write_even_if_full()
local job, n = job_key(args.id), args.part
local fields = redis.call('HMGET', job, 'state', 'state:' .. n, 'owner:' .. n)
if not fields[1] or has_ended(fields[1]) then return end
if fields[2] ~= 'running' or fields[3] ~= args.worker then return end
redis.call('HSET', job, 'state:' .. n, 'queued', 'missing:' .. n, stamp(ledger_now()))
redis.call('HINCRBY', job, 'tries:' .. n, -1)
