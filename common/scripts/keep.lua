-- Keep a job and its results for longer once it has ended, and list it.
-- ARGV: id, seconds
local job = job_key(ARGV[1])
local fields = redis.call('HMGET', job, 'state', 'parts')
if not fields[1] then return 0 end
redis.call('HSET', job, 'ttl', ARGV[2])
redis.call('ZADD', JOBS, redis.call('HGET', job, 'created'), ARGV[1])
if is_ended(fields[1]) then
  redis.call('EXPIRE', job, ARGV[2])
  for n = 0, tonumber(fields[2]) - 1 do redis.call('EXPIRE', part_key(ARGV[1], n), ARGV[2]) end
end
return 1
