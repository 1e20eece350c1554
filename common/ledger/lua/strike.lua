-- Record that the model hung while it ran this part. args: id, part
write_even_if_full()
local job = job_key(args.id)
if redis.call('EXISTS', job) == 1 then redis.call('HINCRBY', job, 'strikes:' .. args.part, 1) end
