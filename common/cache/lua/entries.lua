-- Shared by the scripts of the embedding cache. A space has two generations, each a hash of
-- embeddings by 32-byte digest; neither ever holds more than `max_embeddings`.

local KEY_BYTES, KEYS_AT_ONCE = 32, 128

local function open_space(cache)
  local prefix = PREFIX .. 'emb:' .. cache.space
  return { new = prefix .. ':new', old = prefix .. ':old', max = cache.max_embeddings,
    ttl_s = cache.ttl_s }
end

local function put_embedding(space, key, value)
  if redis.call('HLEN', space.new) >= space.max then
    redis.call('UNLINK', space.old)
    redis.call('RENAME', space.new, space.old)
  end
  redis.call('HSET', space.new, key, value)
end

local function prolong(space)
  redis.call('EXPIRE', space.new, space.ttl_s)
  redis.call('EXPIRE', space.old, space.ttl_s)
end
