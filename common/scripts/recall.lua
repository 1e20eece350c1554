-- Used by `create`: a job that is done as it is made, because all its embeddings are cached.

-- The embeddings of some keys in a row, and their flags; nothing when one is missing.
local function recalled_embeddings(space, digests, size)
  -- From the end, where the pictures of a ranking stand: they are new more often than its labels.
  local vectors, flags, last = {}, {}, #digests / KEY_BYTES
  while last > 0 do
    local first = math.max(1, last - KEYS_AT_ONCE + 1)
    local values = find_embeddings(space, keys_between(digests, first, last))
    for at, value in ipairs(values) do
      if not value or #value ~= size then return end
      local index = first + at - 1
      vectors[index], flags[index] = string.sub(value, 1, -2), string.sub(value, -1)
    end
    last = first - 1
  end
  prolong(space)
  return table.concat(vectors), flags
end

-- Make the job, unless an embedding is missing. Returns when it was made, the embeddings, their
-- flags. From `from` on in ARGV: space, most embeddings in a generation, seconds that an unused space
-- is kept, keys in a row, bytes of an embedding, the request as one of one part, queries, what there
-- is to know of the result as JSON, cut in two where the indices of truncated texts go
local function recall(id, fields, from)
  local space = open_space(ARGV[from], ARGV[from + 1], ARGV[from + 2])
  local rows, flags = recalled_embeddings(space, ARGV[from + 3], tonumber(ARGV[from + 4]))
  if not rows then return end

  local job, part, at, truncated = job_key(id), part_key(id, 0), stamp(now()), {}
  for index, flag in ipairs(flags) do
    if flag == '\1' then truncated[#truncated + 1] = index - 1 end
  end
  for field, value in pairs(fields) do redis.call('HSET', job, field, value) end
  redis.call('HSET', job, 'request', ARGV[from + 5], 'state', 'done', 'created', at, 'started', at,
    'finished', at, 'deadline', at, 'error', '', 'parts', 1, 'parts_done', 1, 'state:0', 'done',
    'done', ARGV[from + 6], 'failed', 0, 'fatal', 0)
  redis.call('HSET', part, 'vectors', rows,
    'about', ARGV[from + 7] .. table.concat(truncated, ',') .. ARGV[from + 8])
  redis.call('EXPIRE', job, fields.ttl)
  redis.call('EXPIRE', part, fields.ttl)
  return at, rows, table.concat(flags)
end
