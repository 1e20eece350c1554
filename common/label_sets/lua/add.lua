-- Store a model's embeddings of a version, unless they are stored already or exceed the owner's
-- limit. Of each model the last revision is kept; others are retired.
-- args: owner, name, version, model (its digest), bytes, max_bytes. ARGV: the model as JSON, then the
--       result's fields
local owner, model = args.owner, args.model
local set = set_of(owner, args.name, args.version)
local models, vectors = models_key(set), vectors_key(set, model)
local left = redis.call('TTL', content_key(set))
if left == -2 then return 0 end
for _, other in ipairs(redis.call('HKEYS', models)) do
  if other ~= model and string.match(other, '^%x+') == string.match(model, '^%x+') then
    redis.call('HDEL', models, other)
    retire_key(owner, set, vectors_key(set, other))
  end
end
if redis.call('EXISTS', vectors) == 0 then
  if not fits(owner, args.bytes, args.max_bytes) then return 0 end
  redis.call('HSET', vectors, unpack(ARGV, 3))
  redis.call('HSET', bytes_key(owner), vectors, args.bytes)
end
redis.call('HSET', models, model, ARGV[2])
if left == -1 then keep(owner, set) else retire(owner, set) end
trim(owner, args.max_bytes)
return 1
