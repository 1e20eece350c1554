-- Store a model's embeddings of a version, unless they are there already. Of each model the revision
-- stored last counts; others are kept for the jobs that may need them.
-- args: owner, name, version, model (its digest), grace_s. ARGV: the model as JSON, then the
--       result's fields
local set, model = set_of(args.owner, args.name, args.version), args.model
if redis.call('EXISTS', content_key(set)) == 0 then return 0 end
local models, vectors = models_key(set), vectors_key(set, model)
if redis.call('EXISTS', vectors) == 0 then redis.call('HSET', vectors, unpack(ARGV, 3)) end
for _, other in ipairs(redis.call('HKEYS', models)) do
  if other ~= model and string.match(other, '^%x+') == string.match(model, '^%x+') then
    redis.call('HDEL', models, other)
    redis.call('EXPIRE', vectors_key(set, other), args.grace_s)
  end
end
redis.call('HSET', models, model, ARGV[2])
local left = redis.call('TTL', content_key(set))
if left < 0 then keep(set) else retire(set, left) end
return 1
