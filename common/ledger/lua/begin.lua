-- Begin a part. Returns its items, the seconds until the deadline, the seconds since the job was
-- created, its strikes, how often it was begun before, the job's priority, request id and owner,
-- then its images in the order of its items (kept, because the part may be begun again). Returns nil
-- if there is nothing to do, and the job's format if it is not the worker's.
-- args: id, part, worker, format
write_even_if_full()
local id, n = args.id, args.part
local job, at = job_key(id), ledger_now()
local fields = redis.call('HMGET', job, 'state', 'state:' .. n, 'deadline', 'queue', 'sent:' .. n,
  'items:' .. n, 'created', 'strikes:' .. n, 'blobs:' .. n, 'format', 'priority', 'request_id',
  'owner')
local state, part_state, deadline = fields[1], fields[2], tonumber(fields[3])
if not state or has_ended(state) or not part_state or part_state == 'done' then return false end
if deadline < at then
  end_job(id, 'expired', '')
  return false
end
-- Unchanged: repair resends it until a worker of its format takes it.
if tonumber(fields[10]) ~= args.format then return tonumber(fields[10]) end

redis.call('HSET', job, 'state', 'running', 'state:' .. n, 'running', 'owner:' .. n, args.worker,
  'begun:' .. n, stamp(at))
redis.call('HSETNX', job, 'started', stamp(now()))
local tries = redis.call('HINCRBY', job, 'tries:' .. n, 1)
local begun = begun_key(fields[4])
if tonumber(redis.call('GET', begun) or 0) < tonumber(fields[5]) then
  redis.call('SET', begun, fields[5])
end
local begun_part = { fields[6], stamp(deadline - at), stamp(math.max(0, now() - fields[7])),
  tonumber(fields[8] or 0), tries - 1, fields[11], fields[12], fields[13] }
for digest in string.gmatch(fields[9] or '', '%S+') do
  begun_part[#begun_part + 1] = redis.call('GET', blob_key(id, digest))
end
return begun_part
