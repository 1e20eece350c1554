-- Shared by all scripts: the named arguments, key names, and how parts and jobs end.
-- PREFIX begins the name of every key. ARGV[1] is a JSON object of named arguments; binary arguments follow it.
-- In a job's hash `owner` is the owner of the job, and `owner:n` the worker that runs part n.
-- A member of clip:open is "job:part:items", so that its size is known without reading the job.

local args = cjson.decode(ARGV[1])

local OPEN, OPEN_ITEMS = PREFIX .. 'open', PREFIX .. 'open-items'
local WORKERS, DONE_CHANNEL = PREFIX .. 'workers', PREFIX .. 'done'
local DRAINED_ITEMS = PREFIX .. 'drained-items'
local WEBHOOKS, WEBHOOK_LIFE_S = PREFIX .. 'webhooks', 604800

local function job_key(id) return PREFIX .. 'job:' .. id end
local function jobs_key(owner) return PREFIX .. 'jobs:' .. owner end
local function part_key(id, n) return PREFIX .. 'part:' .. id .. ':' .. n end
local function blob_key(id, digest) return PREFIX .. 'blob:' .. id .. ':' .. digest end
local function worker_key(name) return PREFIX .. 'worker:' .. name end
local function idempotency_key(key) return PREFIX .. 'idempotency:' .. key end
local function webhook_key(id) return PREFIX .. 'webhook:' .. id end
local function begun_key(queue) return PREFIX .. 'begun:' .. queue end

-- Scripts that end work, and so free memory, must run on a full Redis too. There a script may write
-- if its first write is a command that needs no memory.
local function write_even_if_full() redis.call('DEL', PREFIX .. 'nothing') end

local function now()
  local t = redis.call('TIME')
  return tonumber(t[1]) + tonumber(t[2]) / 1000000
end

-- The ledger's clock, in seconds, for all times that are compared. Between two repairs it follows
-- Redis' clock by at most five seconds, and never goes back: no job expires because that clock was
-- set or because every process was down. Times that clients see (`created`, …) are by Redis' clock.
local CLOCK, MAX_STEP_S = PREFIX .. 'clock', 5

local function ledger_now()
  local at, clock = now(), redis.call('HMGET', CLOCK, 'redis', 'ledger')
  if not clock[1] then return at end
  return clock[2] + math.max(0, math.min(at - clock[1], MAX_STEP_S))
end

-- Lua's default format would cut an epoch time to 14 digits.
local function stamp(t) return string.format('%.6f', t) end

local function has_ended(state)
  return state ~= 'queued' and state ~= 'running'
end

-- List a job among its owner's jobs; the list expires in `life` seconds or later. Each new job
-- removes deleted ones among the ten oldest, so that no list grows forever.
local function list_job(owner, id, created, life)
  local jobs = jobs_key(owner)
  redis.call('ZADD', jobs, created, id)
  redis.call('EXPIRE', jobs, math.max(life, redis.call('TTL', jobs)))
  for _, old in ipairs(redis.call('ZRANGE', jobs, 0, 9)) do
    if redis.call('EXISTS', job_key(old)) == 0 then redis.call('ZREM', jobs, old) end
  end
end

local function leave_open(id, n, items)
  if redis.call('ZREM', OPEN, id .. ':' .. n .. ':' .. items) == 1 then
    redis.call('DECRBY', OPEN_ITEMS, items)
    redis.call('INCRBY', DRAINED_ITEMS, items)
  end
end

-- Close a part and delete its images.
local function close_part(id, n)
  local job = job_key(id)
  local fields = redis.call('HMGET', job, 'size:' .. n, 'blobs:' .. n)
  leave_open(id, n, fields[1])
  for digest in string.gmatch(fields[2] or '', '%S+') do
    redis.call('UNLINK', blob_key(id, digest))
  end
  redis.call('HDEL', job, 'items:' .. n, 'blobs:' .. n)
end

-- The model that made the embeddings of a job, as JSON; nil if there are none.
local function model_of(id, parts)
  for n = 0, parts - 1 do
    local about = redis.call('HGET', part_key(id, n), 'about')
    if about then
      local model = cjson.decode(about).model
      return cjson.encode({ name = model.name, revision = model.revision })
    end
  end
end

-- Store the webhook of a job that has ended. Its hash holds everything that is sent, because the job
-- may be deleted before the delivery.
local function add_webhook(id, parts, url)
  local fields = redis.call('HMGET', job_key(id), 'callback_total', 'callback_model', 'kind',
    'state', 'done', 'failed', 'created', 'started', 'finished', 'ttl', 'callback_links',
    'callback_metadata')
  local key = webhook_key(id)
  redis.call('HSET', key, 'url', url, 'total', fields[1], 'asked_for', fields[2], 'kind', fields[3],
    'ending', fields[4], 'done', fields[5], 'failed', fields[6], 'created', fields[7],
    'started', fields[8] or '', 'finished', fields[9], 'ttl', fields[10], 'links', fields[11] or '{}',
    'metadata', fields[12] or '{}', 'model', model_of(id, parts) or '', 'state', 'pending', 'attempts', 0, 'claims', 0,
    'next', stamp(now()))
  redis.call('EXPIRE', key, WEBHOOK_LIFE_S)
  redis.call('ZADD', WEBHOOKS, stamp(ledger_now()), id)
end

local function end_job(id, state, error)
  local job = job_key(id)
  local fields = redis.call('HMGET', job, 'parts', 'ttl', 'callback')
  local parts, ttl = tonumber(fields[1]), tonumber(fields[2])
  redis.call('HSET', job, 'state', state, 'finished', stamp(now()), 'error', error)
  for n = 0, parts - 1 do
    if redis.call('HGET', job, 'state:' .. n) ~= 'done' then close_part(id, n) end
    redis.call('EXPIRE', part_key(id, n), ttl)
  end
  redis.call('EXPIRE', job, ttl)
  if fields[3] then add_webhook(id, parts, fields[3]) end
  redis.call('PUBLISH', DONE_CHANNEL, id)
end
