-- Store the result of a part, once. Returns 1 when stored, 0 when nobody wants it any more.
-- ARGV: id, part, queries done, queries failed, required items failed, then the result's fields
write_even_if_full()
local id, n = ARGV[1], ARGV[2]
local job, part = job_key(id), part_key(id, n)
local fields = redis.call('HMGET', job, 'state', 'state:' .. n, 'parts')
local state, part_state, parts = fields[1], fields[2], tonumber(fields[3])
if not state or is_ended(state) or part_state == 'done' then return 0 end

redis.call('HSET', part, unpack(ARGV, 6))
redis.call('EXPIRE', part, redis.call('TTL', job))
redis.call('HSET', job, 'state:' .. n, 'done')
close_part(id, n)
redis.call('HINCRBY', job, 'done', ARGV[3])
redis.call('HINCRBY', job, 'failed', ARGV[4])
local fatal = redis.call('HINCRBY', job, 'fatal', ARGV[5])
if redis.call('HINCRBY', job, 'parts_done', 1) == parts then
  end_job(id, fatal > 0 and 'failed' or 'done', '')
end
return 1
