-- Admit a job, or return why not: {'created' | 'no_worker' | 'full' | 'blobs_lost', excess items}
-- or, if the idempotency key was used before, {'same' | 'other', job}. Idempotent: a second call for
-- the same id returns 'created' again.
-- args: id, fields, parts ({items, size, blobs} each), queue, max_open_items, lifetime_s, ttl_s,
--       is_listed; optional: worker {ttl_s, model, model_queue} (one must be alive and consume from
--       the queue), idempotency {key, fingerprint}. ARGV: the labels of its candidates, or ''
local id, job, at = args.id, job_key(args.id), ledger_now()

local function consumes(beat)
  if type(beat.queues) ~= 'table' then return true end -- unknown: the worker is of an earlier release
  for _, queue in ipairs(beat.queues) do
    if queue == args.queue then return true end
  end
  return false
end

local function serves(name, wanted)
  local raw = redis.call('GET', worker_key(name))
  if not raw then return false end
  local beat = cjson.decode(raw)
  return (wanted.model == '' or beat.model.name == wanted.model)
    and beat.model_queue == wanted.model_queue and consumes(beat)
end

local function has_worker(wanted)
  local alive = redis.call('ZREVRANGEBYSCORE', WORKERS, '+inf', stamp(at - wanted.ttl_s))
  for _, name in ipairs(alive) do
    if serves(name, wanted) then return true end
  end
  return false
end

if redis.call('EXISTS', job) == 1 then return { 'created', id } end
local idempotency = args.idempotency
if idempotency then
  local known = redis.call('HMGET', idempotency_key(idempotency.key), 'job', 'fingerprint')
  if known[1] and redis.call('EXISTS', job_key(known[1])) == 1 then
    return { known[2] == idempotency.fingerprint and 'same' or 'other', known[1] }
  end
end
if args.worker and not has_worker(args.worker) then return { 'no_worker', 0 } end

local total = 0
for _, part in ipairs(args.parts) do total = total + part.size end
local excess = tonumber(redis.call('GET', OPEN_ITEMS) or 0) + total - args.max_open_items
if excess > 0 then return { 'full', excess } end

-- Images are stored before the job: Redis may have lost its data in between.
for _, part in ipairs(args.parts) do
  for digest in string.gmatch(part.blobs, '%S+') do
    if redis.call('EXISTS', blob_key(id, digest)) == 0 then return { 'blobs_lost', 0 } end
  end
end

local created = stamp(now())
for field, value in pairs(args.fields) do redis.call('HSET', job, field, value) end
redis.call('HSET', job, 'state', 'queued', 'created', created, 'queue', args.queue,
  'deadline', stamp(at + args.lifetime_s), 'ttl', args.ttl_s, 'parts', #args.parts,
  'parts_done', 0, 'done', 0, 'failed', 0, 'fatal', 0)
if ARGV[2] ~= '' then redis.call('HSET', job, 'labels', ARGV[2]) end
for index, part in ipairs(args.parts) do
  local n = index - 1
  redis.call('HSET', job, 'state:' .. n, 'queued', 'sent:' .. n, stamp(at),
    'items:' .. n, part.items, 'size:' .. n, part.size, 'blobs:' .. n, part.blobs)
  redis.call('ZADD', OPEN, created, id .. ':' .. n .. ':' .. part.size)
  -- Keys of an open job have no TTL: repair expires the job, which deletes them.
  for digest in string.gmatch(part.blobs, '%S+') do redis.call('PERSIST', blob_key(id, digest)) end
end
redis.call('INCRBY', OPEN_ITEMS, total)
local life = args.lifetime_s + args.ttl_s
if args.is_listed then list_job(args.fields.owner, id, created, life) end
if idempotency then
  local key = idempotency_key(idempotency.key)
  redis.call('HSET', key, 'job', id, 'fingerprint', idempotency.fingerprint)
  redis.call('EXPIRE', key, life)
end
return { 'created', id }
