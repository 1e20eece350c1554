-- Take a part in hand. Returns its items, the seconds left, the seconds since the job was created,
-- how often it took the model down, how often it was begun before, then its pictures in the order of
-- its items (read, never taken: it may be begun again); or nothing when nobody wants it any more,
-- or the format of the job when that is a later one than the worker's.
-- ARGV: id, part, worker, its format
write_even_if_full()
local id, n, worker = ARGV[1], ARGV[2], ARGV[3]
local job, at = job_key(id), now()
local fields = redis.call('HMGET', job, 'state', 'state:' .. n, 'deadline', 'queue', 'sent:' .. n,
  'items:' .. n, 'created', 'strikes:' .. n, 'blobs:' .. n, 'format')
local state, part_state, deadline = fields[1], fields[2], tonumber(fields[3])
if not state or is_ended(state) or not part_state or part_state == 'done' then return false end
if deadline < at then
  end_job(id, 'expired', '')
  return false
end
-- Left as it is: repair sends it again, until a worker takes it that knows the format.
local format = tonumber(fields[10]) or 1
if format > tonumber(ARGV[4]) then return format end

redis.call('HSET', job, 'state', 'running', 'state:' .. n, 'running', 'owner:' .. n, worker)
redis.call('HSETNX', job, 'started', stamp(at))
local tries = redis.call('HINCRBY', job, 'tries:' .. n, 1)
local begun = begun_key(fields[4])
if tonumber(redis.call('GET', begun) or 0) < tonumber(fields[5]) then
  redis.call('SET', begun, fields[5])
end
local begun_part = { fields[6], stamp(deadline - at), stamp(at - fields[7]),
  tonumber(fields[8] or 0), tries - 1 }
for digest in string.gmatch(fields[9] or '', '%S+') do
  begun_part[#begun_part + 1] = redis.call('GET', blob_key(id, digest))
end
return begun_part
