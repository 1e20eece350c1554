-- Store what a model makes of a version; what is there already stays. Of each model the revision
-- stored last counts, others are kept for the jobs that may need them.
-- ARGV: owner, name, version, model's digest, what it is as JSON, seconds that others are kept,
--       then the result's fields
local set, model = set_of(ARGV[1], ARGV[2], ARGV[3]), ARGV[4]
if redis.call('EXISTS', content_key(set)) == 0 then return 0 end
local models, vectors = models_key(set), vectors_key(set, model)
if redis.call('EXISTS', vectors) == 0 then redis.call('HSET', vectors, unpack(ARGV, 7)) end
for _, other in ipairs(redis.call('HKEYS', models)) do
  if other ~= model and string.match(other, '^%x+') == string.match(model, '^%x+') then
    redis.call('HDEL', models, other)
    redis.call('EXPIRE', vectors_key(set, other), ARGV[6])
  end
end
redis.call('HSET', models, model, ARGV[5])
local left = redis.call('TTL', content_key(set))
if left < 0 then keep(set) else retire(set, left) end
return 1
