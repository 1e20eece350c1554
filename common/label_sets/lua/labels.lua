-- Shared by the scripts of label sets. A set is "owner:name:version".
-- clip:label-bytes has the size of each of an owner's keys with content or embeddings. Retired keys,
-- which only running jobs may need, expire and are listed in clip:label-retired.

local MAX_RETIRED_KEYS = 10000 -- per owner, because each call reads all of them

local function sets_key(owner) return PREFIX .. 'label-sets:' .. owner end
local function bytes_key(owner) return PREFIX .. 'label-bytes:' .. owner end
local function retired_key(owner) return PREFIX .. 'label-retired:' .. owner end
local function content_key(set) return PREFIX .. 'label-content:' .. set end
local function models_key(set) return PREFIX .. 'label-models:' .. set end
local function vectors_key(set, model) return PREFIX .. 'label-vectors:' .. set .. ':' .. model end
local function used_key(set) return PREFIX .. 'label-used:' .. set end

local function set_of(owner, name, version) return owner .. ':' .. name .. ':' .. version end

-- The version in a set's summary.
local function version_of(summary) return string.match(summary or '', '^%["(%x+)"') end

local function keys_of(set)
  local keys = { content_key(set), models_key(set) }
  for _, model in ipairs(redis.call('HKEYS', models_key(set))) do
    table.insert(keys, vectors_key(set, model))
  end
  return keys
end

local function free(owner, key)
  redis.call('UNLINK', key)
  redis.call('HDEL', bytes_key(owner), key)
  redis.call('ZREM', retired_key(owner), key)
end

-- Delete a key: at once, unless jobs that use its set may need it.
local function retire_key(owner, set, key)
  local left = redis.call('TTL', used_key(set))
  if left <= 0 then return free(owner, key) end
  if redis.call('EXPIRE', key, left) == 1 then
    redis.call('ZADD', retired_key(owner), 'NX', stamp(now()), key)
  end
end

local function retire(owner, set)
  for _, key in ipairs(keys_of(set)) do retire_key(owner, set, key) end
end

local function keep(owner, set)
  for _, key in ipairs(keys_of(set)) do
    redis.call('PERSIST', key)
    redis.call('ZREM', retired_key(owner), key)
  end
end

local function size_of(owner, keys)
  local size = 0
  for _, key in ipairs(keys) do size = size + (redis.call('HGET', bytes_key(owner), key) or 0) end
  return size
end

-- The retired keys that still exist, the oldest first. Cleans up after expired ones.
local function retired(owner)
  local left = {}
  for _, key in ipairs(redis.call('ZRANGE', retired_key(owner), 0, -1)) do
    if redis.call('EXISTS', key) == 1 then table.insert(left, key) else free(owner, key) end
  end
  return left
end

local function total(owner)
  local size = 0
  for _, bytes in ipairs(redis.call('HVALS', bytes_key(owner))) do size = size + bytes end
  return size
end

-- Whether an owner's current sets leave room for `bytes` more.
local function fits(owner, bytes, max_bytes)
  local old = retired(owner)
  return total(owner) - size_of(owner, old) + bytes <= max_bytes
end

-- Delete the oldest retired keys until all of the owner's keys fit.
local function trim(owner, max_bytes)
  local old = retired(owner)
  local size = total(owner)
  for place, key in ipairs(old) do
    if size <= max_bytes and #old - place < MAX_RETIRED_KEYS then return end
    size = size - size_of(owner, { key })
    free(owner, key)
  end
end
