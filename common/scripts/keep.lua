-- Keep a job and its results for longer once it has ended, and list it with its owner's. Who waited
-- for it does so no more: anybody may.
-- ARGV: id, seconds
write_even_if_full()
local job = job_key(ARGV[1])
local fields = redis.call('HMGET', job, 'state', 'parts', 'owner', 'created', 'deadline')
if not fields[1] then return 0 end
redis.call('HSET', job, 'ttl', ARGV[2])
redis.call('HDEL', job, 'waiter')
local left = math.max(0, math.ceil(fields[5] - now()))
list_job(fields[3], ARGV[1], fields[4], left + ARGV[2])
if is_ended(fields[1]) then
  redis.call('EXPIRE', job, ARGV[2])
  for n = 0, tonumber(fields[2]) - 1 do redis.call('EXPIRE', part_key(ARGV[1], n), ARGV[2]) end
end
return 1
