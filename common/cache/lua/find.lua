-- Look up embeddings, nil for each miss. A hit in the old generation moves to the new one.
-- args: space, max_embeddings, ttl_s. ARGV: the concatenated keys
local space, digests = open_space(args), ARGV[2]

-- The keys `first` to `last`, counted from 1.
local function keys_between(first, last)
  local keys = {}
  for at = first, last do
    keys[#keys + 1] = string.sub(digests, (at - 1) * KEY_BYTES + 1, at * KEY_BYTES)
  end
  return keys
end

local function find(keys)
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

local found, count = {}, #digests / KEY_BYTES
for first = 1, count, KEYS_AT_ONCE do
  local keys = keys_between(first, math.min(first + KEYS_AT_ONCE - 1, count))
  for _, value in ipairs(find(keys)) do found[#found + 1] = value end
end
prolong(space)
return found
