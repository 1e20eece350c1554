-- Admit a job, or say why not. Returns 'created', 'exists', 'no_worker' or 'full'.
-- ARGV: id, max open items, worker ttl (0: no worker needed), lifetime, fields as a JSON object,
--       parts as a JSON array of [items as text, size, blobs]
local id, max_open, worker_ttl = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local lifetime = tonumber(ARGV[4])
local job, at = job_key(id), now()
if redis.call('EXISTS', job) == 1 then return 'exists' end
if worker_ttl > 0 and redis.call('ZCOUNT', WORKERS, at - worker_ttl, '+inf') == 0 then
  return 'no_worker'
end

local parts, total = cjson.decode(ARGV[6]), 0
for _, part in ipairs(parts) do total = total + part[2] end
if tonumber(redis.call('GET', OPEN_ITEMS) or 0) + total > max_open then return 'full' end

for field, value in pairs(cjson.decode(ARGV[5])) do redis.call('HSET', job, field, value) end
redis.call('HSET', job, 'state', 'queued', 'created', stamp(at), 'deadline', stamp(at + lifetime),
  'parts', #parts, 'parts_done', 0, 'done', 0, 'failed', 0, 'fatal', 0)
for index, part in ipairs(parts) do
  local n = index - 1
  redis.call('HSET', job, 'state:' .. n, 'queued', 'sent:' .. n, stamp(at),
    'items:' .. n, part[1], 'size:' .. n, part[2], 'blobs:' .. n, part[3])
  redis.call('ZADD', OPEN, stamp(at), id .. ':' .. n .. ':' .. part[2])
end
redis.call('INCRBY', OPEN_ITEMS, total)
redis.call('EXPIRE', job, lifetime + redis.call('HGET', job, 'ttl'))
return 'created'
