-- End a job if necessary, and delete it. Returns 0 if there is no such job. args: id
write_even_if_full()
local id = args.id
local job = job_key(id)
local fields = redis.call('HMGET', job, 'state', 'parts', 'owner')
if not fields[1] then return 0 end
if not has_ended(fields[1]) then end_job(id, 'cancelled', '') end
for n = 0, tonumber(fields[2]) - 1 do redis.call('UNLINK', part_key(id, n)) end
redis.call('UNLINK', job)
redis.call('ZREM', jobs_key(fields[3]), id)
return 1
