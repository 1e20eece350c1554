-- Find parts that nobody works on. Returns [job, part, queue, request id] of each that must be
-- sent again. ARGV: milliseconds that the lock holds, grace in seconds, parts looked at
write_even_if_full()
if not redis.call('SET', 'clip:repair-lock', 1, 'NX', 'PX', ARGV[1]) then return {} end
local at, grace, lost = now(), tonumber(ARGV[2]), {}

-- A message has left its queue when that is empty, or when a part that was sent later has begun.
-- It is lost when its part has not begun a while after that was seen: a worker may just have it.
local function is_message_lost(job, n, queue, sent, missing)
  local has_left = redis.call('LLEN', queue) == 0
    or sent < tonumber(redis.call('GET', begun_key(queue)) or 0)
  if not has_left then return false end
  if missing < sent then
    redis.call('HSET', job, 'missing:' .. n, stamp(at))
    return false
  end
  return at - missing >= grace
end

local function look_after(member)
  local id, n, items = string.match(member, '^(.-):(%d+):(%d+)$')
  local job = job_key(id)
  local fields = redis.call('HMGET', job, 'state', 'state:' .. n, 'owner:' .. n, 'sent:' .. n,
    'queue', 'deadline', 'request_id', 'missing:' .. n)
  local queue, sent, missing = fields[5], tonumber(fields[4]), tonumber(fields[8] or 0)
  if not fields[1] or is_ended(fields[1]) then
    leave_open(id, n, items)
  elseif tonumber(fields[6]) < at then
    end_job(id, 'expired', '')
  else
    local orphaned = fields[2] == 'running' and redis.call('EXISTS', worker_key(fields[3])) == 0
    if orphaned or (fields[2] == 'queued' and is_message_lost(job, n, queue, sent, missing)) then
      redis.call('HSET', job, 'state:' .. n, 'queued', 'sent:' .. n, stamp(at))
      redis.call('ZADD', OPEN, stamp(at), member)
      lost[#lost + 1] = { id, n, queue, fields[7] }
    end
  end
end

-- What is no part of ours must not keep others from being looked after. (Where Redis takes no
-- writes, the lock above has failed already.)
for _, member in ipairs(redis.call('ZRANGE', OPEN, 0, ARGV[3] - 1)) do
  if not pcall(look_after, member) then redis.call('ZREM', OPEN, member) end
end
if #lost > 0 then redis.call('INCRBY', 'clip:republished', #lost) end
return lost
