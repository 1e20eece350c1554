-- Store the result of a part, once. Returns 1 when stored, 0 when nobody wants it any more.
-- ARGV: id, part, queries done, queries failed, required items failed, the embeddings in a row, what
--       there is to know of them; and where some of them go to the cache: space, most embeddings in a
--       generation, seconds that an unused space is kept, bytes of an embedding, keys in a row, flags
--       in a row, places of the embeddings
write_even_if_full()
local id, n, vectors = ARGV[1], ARGV[2], ARGV[6]

local function finish()
  local job, part = job_key(id), part_key(id, n)
  local fields = redis.call('HMGET', job, 'state', 'state:' .. n, 'parts')
  local state, part_state, parts = fields[1], fields[2], tonumber(fields[3])
  if not state or is_ended(state) or part_state == 'done' then return 0 end

  redis.call('HSET', part, 'vectors', vectors, 'about', ARGV[7])
  redis.call('EXPIRE', part, redis.call('TTL', job))
  redis.call('HSET', job, 'state:' .. n, 'done')
  close_part(id, n)
  redis.call('HINCRBY', job, 'done', ARGV[3])
  redis.call('HINCRBY', job, 'failed', ARGV[4])
  local fatal = redis.call('HINCRBY', job, 'fatal', ARGV[5])
  if redis.call('HINCRBY', job, 'parts_done', 1) == parts then
    local state = fatal > 0 and 'failed' or 'done'
    end_job(id, state, '', parts == 1 and vectors, ARGV[7])
  end
  return 1
end

local function remember()
  local space, size = open_space(ARGV[8], ARGV[9], ARGV[10]), tonumber(ARGV[11])
  local keys, flags, at = ARGV[12], ARGV[13], 0
  for place in string.gmatch(ARGV[14], '%d+') do
    local key = string.sub(keys, at * KEY_BYTES + 1, (at + 1) * KEY_BYTES)
    at = at + 1
    local vector = string.sub(vectors, place * size + 1, (place + 1) * size)
    put_embedding(space, key, vector .. string.sub(flags, at, at))
  end
  prolong(space)
end

local stored = finish()
-- The cache is never needed: whatever somebody wrote there, the part is finished.
if ARGV[8] then pcall(remember) end
return stored
