-- A part was in the model when the model hung. ARGV: id, part
write_even_if_full()
local job = job_key(ARGV[1])
if redis.call('EXISTS', job) == 1 then redis.call('HINCRBY', job, 'strikes:' .. ARGV[2], 1) end
