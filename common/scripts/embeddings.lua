-- Shared by the scripts of the embedding cache. A space has two generations, each a hash of
-- embeddings by 32 bytes of digest; neither ever holds more than `most`.

local KEY_BYTES, KEYS_AT_ONCE = 32, 128

local function open_space(name, most, ttl_s)
  local prefix = 'clip:emb:' .. name
  return { new = prefix .. ':new', old = prefix .. ':old', most = tonumber(most), ttl_s = ttl_s }
end

local function put_embedding(space, key, value)
  if redis.call('HLEN', space.new) >= space.most then
    redis.call('UNLINK', space.old)
    redis.call('RENAME', space.new, space.old)
  end
  redis.call('HSET', space.new, key, value)
end

local function prolong(space)
  redis.call('EXPIRE', space.new, space.ttl_s)
  redis.call('EXPIRE', space.old, space.ttl_s)
end

-- The keys of a string of them, from one to another, counted from 1.
local function keys_between(digests, first, last)
  local keys = {}
  for at = first, last do
    keys[#keys + 1] = string.sub(digests, (at - 1) * KEY_BYTES + 1, at * KEY_BYTES)
  end
  return keys
end

-- The values of some keys, false for each that is not there. What is found in the old generation
-- moves on to the new one.
local function find_embeddings(space, keys)
  local values, missing, places = redis.call('HMGET', space.new, unpack(keys)), {}, {}
  for at, value in ipairs(values) do
    if not value then
      missing[#missing + 1] = keys[at]
      places[#places + 1] = at
    end
  end
  if #missing == 0 then return values end
  for i, value in ipairs(redis.call('HMGET', space.old, unpack(missing))) do
    if value then
      values[places[i]] = value
      put_embedding(space, missing[i], value)
    end
  end
  return values
end
