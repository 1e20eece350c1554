-- Make a job that is done from embeddings that are all known. Returns {its time of creation, the
-- vectors, their flags}, or nothing when one is missing or when the idempotency key was used before.
-- ARGV: space, most embeddings in a generation, seconds that an unused space is kept, keys in a row,
--       id, fields as a JSON object, queries, idempotency key (or nothing), fingerprint of the
--       request, bytes of an embedding, what there is to know of the result as JSON, cut in two where
--       the indices of truncated texts go
local space, digests = open_space(ARGV[1], ARGV[2], ARGV[3]), ARGV[4]
local id, fields, queries = ARGV[5], cjson.decode(ARGV[6]), ARGV[7]
local idempotency, fingerprint, size = ARGV[8], ARGV[9], tonumber(ARGV[10])
local before, after = ARGV[11], ARGV[12]

if idempotency ~= '' then
  local known = redis.call('HGET', idempotency_key(idempotency), 'job')
  if known and redis.call('EXISTS', job_key(known)) == 1 then return false end
end

-- From the end, where the pictures of a ranking stand: they are new more often than its labels.
local vectors, flags, truncated, last = {}, {}, {}, #digests / KEY_BYTES
while last > 0 do
  local first = math.max(1, last - KEYS_AT_ONCE + 1)
  local values = find_embeddings(space, keys_between(digests, first, last))
  for at, value in ipairs(values) do
    if not value or #value ~= size then return false end
    local index = first + at - 1
    vectors[index], flags[index] = string.sub(value, 1, -2), string.sub(value, -1)
    if flags[index] == '\1' then truncated[#truncated + 1] = index - 1 end
  end
  last = first - 1
end
prolong(space)

local job, part, at = job_key(id), part_key(id, 0), stamp(now())
local rows = table.concat(vectors)
for field, value in pairs(fields) do redis.call('HSET', job, field, value) end
redis.call('HSET', job, 'state', 'done', 'created', at, 'started', at, 'finished', at,
  'deadline', at, 'error', '', 'parts', 1, 'parts_done', 1, 'state:0', 'done', 'done', queries,
  'failed', 0, 'fatal', 0)
redis.call('HSET', part, 'vectors', rows,
  'about', before .. table.concat(truncated, ',') .. after)
redis.call('EXPIRE', job, fields.ttl)
redis.call('EXPIRE', part, fields.ttl)
if idempotency ~= '' then
  local key = idempotency_key(idempotency)
  redis.call('HSET', key, 'job', id, 'fingerprint', fingerprint)
  redis.call('EXPIRE', key, fields.ttl)
end
return { at, rows, table.concat(flags) }
