-- Keep a job and its results for ttl_s after its end, and list it among its owner's jobs.
-- args: id, ttl_s
write_even_if_full()
local job = job_key(args.id)
local fields = redis.call('HMGET', job, 'state', 'parts', 'owner', 'created', 'deadline')
if not fields[1] then return 0 end
redis.call('HSET', job, 'ttl', args.ttl_s)
local left = math.max(0, math.ceil(fields[5] - ledger_now()))
list_job(fields[3], args.id, fields[4], left + args.ttl_s)
if has_ended(fields[1]) then
  redis.call('EXPIRE', job, args.ttl_s)
  for n = 0, tonumber(fields[2]) - 1 do redis.call('EXPIRE', part_key(args.id, n), args.ttl_s) end
end
return 1
