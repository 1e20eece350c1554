-- Expire jobs past their deadline and find parts that no worker runs and no queue contains. Returns
-- [job, part, queue, request id] of each part that must be sent again.
-- args: every_s, grace_s, max_parts, beat_after_s
write_even_if_full()
local REPAIR_FROM = PREFIX .. 'repair-from'
local redis_now, at, lost = now(), ledger_now(), {}

local passed = redis_now - (redis.call('HGET', CLOCK, 'redis') or 0)
if passed >= 0 and passed < args.every_s then return lost end
redis.call('HSET', CLOCK, 'redis', stamp(redis_now), 'ledger', stamp(at))

-- A task message has left its queue if the queue is empty, or a part that was sent later has begun.
-- It is lost if its part has not begun `grace_s` later: a worker may just have received it.
local function is_message_lost(job, n, queue, sent, missing)
  local has_left = redis.call('LLEN', PREFIX .. queue) == 0
    or sent < tonumber(redis.call('GET', begun_key(queue)) or 0)
  if not has_left then return false end
  if missing < sent then
    redis.call('HSET', job, 'missing:' .. n, stamp(at))
    return false
  end
  return at - missing >= args.grace_s
end

-- A worker's last heartbeat: its time, and the parts that the worker ran; false if it is dead.
local owners = {}
local function owner_of(name)
  if owners[name] == nil then
    local raw, beat_at = redis.call('GET', worker_key(name)), redis.call('ZSCORE', WORKERS, name)
    local owner = raw and beat_at and { beat_at = tonumber(beat_at), parts = {} }
    for _, part in ipairs(owner and cjson.decode(raw).parts or {}) do owner.parts[part] = true end
    owners[name] = owner or false
  end
  return owners[name]
end

-- Whether no worker runs a part that was begun: its owner is dead, or runs it no more.
local function is_orphaned(id, n, name, begun)
  local owner = owner_of(name)
  if not owner then return true end
  return owner.beat_at > begun + args.beat_after_s and not owner.parts[id .. ':' .. n]
end

local function check(member)
  local id, n, items = string.match(member, '^(.-):(%d+):(%d+)$')
  local job = job_key(id)
  local fields = redis.call('HMGET', job, 'state', 'state:' .. n, 'owner:' .. n, 'sent:' .. n,
    'queue', 'deadline', 'request_id', 'missing:' .. n, 'begun:' .. n)
  if not fields[1] or has_ended(fields[1]) then return leave_open(id, n, items) end
  if tonumber(fields[6]) < at then return end_job(id, 'expired', '') end
  local queue, sent, missing = fields[5], tonumber(fields[4]), tonumber(fields[8] or 0)
  local is_lost
  if fields[2] == 'running' then
    is_lost = is_orphaned(id, n, fields[3], tonumber(fields[9] or 0))
  else
    is_lost = is_message_lost(job, n, queue, sent, missing)
  end
  if is_lost then
    redis.call('HSET', job, 'state:' .. n, 'queued', 'sent:' .. n, stamp(at))
    redis.call('ZADD', OPEN, stamp(redis_now), member)
    lost[#lost + 1] = { id, n, queue, fields[7] }
  end
end

-- Check max_parts open parts per call, in rotation, because a script blocks Redis.
local first = tonumber(redis.call('GET', REPAIR_FROM) or 0)
local members = redis.call('ZRANGE', OPEN, first, first + args.max_parts - 1)
redis.call('SET', REPAIR_FROM, #members < args.max_parts and 0 or first + args.max_parts)
for _, member in ipairs(members) do check(member) end
if #lost > 0 then redis.call('INCRBY', PREFIX .. 'republished', #lost) end
return lost
