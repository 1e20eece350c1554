-- Admit a job and send its parts, or say why not. Returns
-- {'created' | 'no_worker' | 'full' | 'emptied', excess items} or, when the
-- idempotency key was used before, {'same' | 'other', job}, or where the cache is asked and knows all,
-- {'recalled', job, when it was made, the embeddings, their flags}. Asked again because the answer was
-- lost, it says the same again, or 'created'.
-- ARGV: id, max open items, worker ttl (0: no worker needed), lifetime, fields as a JSON object,
--       parts as a JSON array of [items as text, size, blobs], whether the job is listed,
--       idempotency key (or nothing), fingerprint of the request, model (or nothing: any), its lane,
--       its queue, a message for each part; and where the cache is asked, all that `recall` takes
local id, max_open, worker_ttl = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local lifetime, listed, idempotency, fingerprint = tonumber(ARGV[4]), ARGV[7], ARGV[8], ARGV[9]
local model, lane = ARGV[10], ARGV[11]
local job, at = job_key(id), now()
local fields, parts = cjson.decode(ARGV[5]), cjson.decode(ARGV[6])

local function serves(name)
  local beat = cjson.decode(redis.call('GET', worker_key(name)) or '')
  return (model == '' or beat.model.name == model) and (beat.lane or '') == lane
end

-- Whether a live worker is there for the job. What raises an error here is no heartbeat of ours.
local function has_worker()
  for _, name in ipairs(redis.call('ZREVRANGEBYSCORE', WORKERS, '+inf', stamp(at - worker_ttl))) do
    local looked, found = pcall(serves, name)
    if looked and found then return true end
  end
  return false
end

local function remember_request(life)
  if idempotency == '' then return end
  local key = idempotency_key(idempotency)
  redis.call('HSET', key, 'job', id, 'fingerprint', fingerprint)
  redis.call('EXPIRE', key, life)
end

local function drop_pictures()
  for _, part in ipairs(parts) do
    for digest in string.gmatch(part[3], '%S+') do redis.call('UNLINK', blob_key(id, digest)) end
  end
end

if redis.call('EXISTS', job) == 1 then return { 'created', id } end
if idempotency ~= '' then
  local known = redis.call('HMGET', idempotency_key(idempotency), 'job', 'fingerprint')
  if known[1] and redis.call('EXISTS', job_key(known[1])) == 1 then
    redis.call('HDEL', job_key(known[1]), 'waiter') -- there may be two now
    return { known[2] == fingerprint and 'same' or 'other', known[1] }
  end
end
local asks_from = 13 + #parts
if ARGV[asks_from] then
  -- The cache is never needed: whatever somebody wrote there, the job goes through the queue.
  local looked, made, rows, flags = pcall(recall, id, fields, asks_from)
  if looked and made then
    remember_request(fields.ttl)
    drop_pictures()
    return { 'recalled', id, made, rows, flags }
  end
end
if worker_ttl > 0 and not has_worker() then return { 'no_worker', 0 } end

local total = 0
for _, part in ipairs(parts) do total = total + part[2] end
local excess = tonumber(redis.call('GET', OPEN_ITEMS) or 0) + total - max_open
if excess > 0 then return { 'full', excess } end

-- Pictures come before the job: Redis may have been emptied in between.
for _, part in ipairs(parts) do
  for digest in string.gmatch(part[3], '%S+') do
    if redis.call('EXISTS', blob_key(id, digest)) == 0 then return { 'emptied', 0 } end
  end
end

for field, value in pairs(fields) do redis.call('HSET', job, field, value) end
redis.call('HSET', job, 'state', 'queued', 'created', stamp(at), 'deadline', stamp(at + lifetime),
  'parts', #parts, 'parts_done', 0, 'done', 0, 'failed', 0, 'fatal', 0)
for index, part in ipairs(parts) do
  local n = index - 1
  redis.call('HSET', job, 'state:' .. n, 'queued', 'sent:' .. n, stamp(at),
    'items:' .. n, part[1], 'size:' .. n, part[2], 'blobs:' .. n, part[3])
  redis.call('ZADD', OPEN, stamp(at), id .. ':' .. n .. ':' .. part[2])
  -- Where a queue is none, because somebody wrote there, repair sends the part.
  redis.pcall('LPUSH', ARGV[12], ARGV[12 + index])
end
redis.call('INCRBY', OPEN_ITEMS, total)
local life = lifetime + fields.ttl
redis.call('EXPIRE', job, life)
if listed == '1' then list_job(fields.owner, id, stamp(at), life) end
remember_request(life)
return { 'created', id }
