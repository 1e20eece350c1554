-- Store the result of a part, once. Returns 1 if stored, 0 if it was stored before or the job ended.
-- args: id, part, done and failed (queries), fatal (required items that failed); optional:
--       cache {space, max_embeddings, ttl_s, row_bytes, trailer_bytes, rows} of the embeddings to share
-- ARGV: the embeddings, the rest of the result; with `cache`, the concatenated keys and trailers
write_even_if_full()
local id, n, vectors = args.id, args.part, ARGV[2]

local function finish()
  local job, part = job_key(id), part_key(id, n)
  local fields = redis.call('HMGET', job, 'state', 'state:' .. n, 'parts')
  local state, part_state, parts = fields[1], fields[2], tonumber(fields[3])
  if not state or has_ended(state) or part_state == 'done' then return 0 end

  redis.call('HSET', part, 'vectors', vectors, 'about', ARGV[3])
  redis.call('HSET', job, 'state:' .. n, 'done')
  close_part(id, n)
  redis.call('HINCRBY', job, 'done', args.done)
  redis.call('HINCRBY', job, 'failed', args.failed)
  local fatal = redis.call('HINCRBY', job, 'fatal', args.fatal)
  if redis.call('HINCRBY', job, 'parts_done', 1) == parts then
    end_job(id, fatal > 0 and 'failed' or 'done', '')
  end
  return 1
end

local function share(cache)
  local space, keys, trailers, size = open_space(cache), ARGV[4], ARGV[5], cache.trailer_bytes
  for at, row in ipairs(cache.rows) do
    local key = string.sub(keys, (at - 1) * KEY_BYTES + 1, at * KEY_BYTES)
    local vector = string.sub(vectors, row * cache.row_bytes + 1, (row + 1) * cache.row_bytes)
    put_embedding(space, key, vector .. string.sub(trailers, (at - 1) * size + 1, at * size))
  end
  prolong(space)
end

local stored = finish()
if args.cache then share(args.cache) end
return stored
