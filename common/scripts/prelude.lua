-- Shared by all scripts of the ledger: key names and the two ways in which things end.
-- In a job's hash `owner` is whose job it is, and `owner:n` the worker that has part n in hand.
-- A member of clip:open is "job:part:items", so that it can be weighed without its job.

local OPEN, OPEN_ITEMS = 'clip:open', 'clip:open-items'
local WORKERS, DONE_CHANNEL = 'clip:workers', 'clip:done'
local DRAINED_ITEMS = 'clip:drained-items'
local MOST_TOLD = 65536
local WEBHOOKS, WEBHOOK_LIFE_S = 'clip:webhooks', 604800

local function job_key(id) return 'clip:job:' .. id end
local function jobs_key(owner) return 'clip:jobs:' .. owner end
local function part_key(id, n) return 'clip:part:' .. id .. ':' .. n end
local function blob_key(id, digest) return 'clip:blob:' .. id .. ':' .. digest end
local function worker_key(name) return 'clip:worker:' .. name end
local function idempotency_key(key) return 'clip:idempotency:' .. key end
local function webhook_key(id) return 'clip:webhook:' .. id end
local function begun_key(queue) return 'clip:begun:' .. queue end

-- What ends work, and so makes room, must do so in a full Redis too. There a script may write what
-- it likes once its first write was one that needs no memory.
local function write_even_if_full() redis.call('DEL', 'clip:nothing') end

local function now()
  local t = redis.call('TIME')
  return tonumber(t[1]) + tonumber(t[2]) / 1000000
end

-- Lua's own number formatting would cut an epoch time to 14 digits.
local function stamp(t) return string.format('%.6f', t) end

local function is_ended(state)
  return state ~= 'queued' and state ~= 'running'
end

-- List a job with its owner's; the list lives for as many seconds at least. Each job that enters
-- has ten of the oldest looked at and those that are gone leave, so that no list grows for ever.
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

-- The part needs its pictures and its message no more.
local function close_part(id, n)
  local job = job_key(id)
  local fields = redis.call('HMGET', job, 'size:' .. n, 'blobs:' .. n)
  leave_open(id, n, fields[1])
  for digest in string.gmatch(fields[2] or '', '%S+') do
    redis.call('UNLINK', blob_key(id, digest))
  end
  redis.call('HDEL', job, 'items:' .. n, 'blobs:' .. n)
end

-- What made the embeddings of a job, as JSON; nothing where there are none.
local function model_of(id, parts)
  for n = 0, parts - 1 do
    local about = redis.call('HGET', part_key(id, n), 'about')
    if about then
      local model = cjson.decode(about).model
      return cjson.encode({ name = model.name, revision = model.revision })
    end
  end
end

-- Have it told that a job has ended. All that is told stands in a hash of its own, because the job
-- may be gone before it is delivered.
local function call_back(id, parts, url)
  local fields = redis.call('HMGET', job_key(id), 'callback_total', 'callback_model', 'kind',
    'state', 'done', 'failed', 'created', 'started', 'finished', 'ttl')
  local key, at = webhook_key(id), stamp(now())
  redis.call('HSET', key, 'url', url, 'total', fields[1], 'asked_for', fields[2], 'kind', fields[3],
    'ending', fields[4], 'done', fields[5], 'failed', fields[6], 'created', fields[7],
    'started', fields[8] or '', 'finished', fields[9], 'ttl', fields[10],
    'model', model_of(id, parts) or '', 'state', 'pending', 'attempts', 0, 'claims', 0, 'next', at)
  redis.call('EXPIRE', key, WEBHOOK_LIFE_S)
  redis.call('ZADD', WEBHOOKS, at, id)
end

-- What is told to who waits for a job: its id, and where it is small all that he would come to read,
-- a line each: the job as JSON, what there is to know of the result, the embeddings.
local function news(id, vectors, about)
  if not vectors or #vectors > MOST_TOLD then return id end
  local record, fields = {}, redis.call('HGETALL', job_key(id))
  for at = 1, #fields, 2 do record[fields[at]] = fields[at + 1] end
  return table.concat({ id, cjson.encode(record), about, vectors }, '\n')
end

-- With the embeddings of a job of one part, where there are some, and what there is to know of them.
local function end_job(id, state, error, vectors, about)
  local job = job_key(id)
  local fields = redis.call('HMGET', job, 'parts', 'ttl', 'callback', 'waiter')
  local parts, ttl = tonumber(fields[1]), tonumber(fields[2])
  redis.call('HSET', job, 'state', state, 'finished', stamp(now()), 'error', error)
  for n = 0, parts - 1 do
    if redis.call('HGET', job, 'state:' .. n) ~= 'done' then close_part(id, n) end
    redis.call('EXPIRE', part_key(id, n), ttl)
  end
  redis.call('EXPIRE', job, ttl)
  if fields[4] then
    redis.call('PUBLISH', DONE_CHANNEL .. ':' .. fields[4], news(id, vectors, about))
  else
    redis.call('PUBLISH', DONE_CHANNEL, id)
  end
  -- The job has ended, whatever somebody wrote where deliveries are listed.
  if fields[3] then pcall(call_back, id, parts, fields[3]) end
end
