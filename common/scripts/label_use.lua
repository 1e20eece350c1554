-- Keep a version without a name for as long again. Returns 1 when a model's embeddings are there.
-- ARGV: owner, name, version, what digests of the model begin with (nothing: any), seconds
local owner, version, model = ARGV[1], ARGV[3], ARGV[4]
local set = set_of(owner, ARGV[2], version)
if redis.call('EXISTS', content_key(set)) == 0 then return 0 end
keep_unnamed(unnamed_key(owner), set, version, now(), ARGV[5])
for _, known in ipairs(redis.call('HKEYS', models_key(set))) do
  local is_asked_for = string.sub(known, 1, #model) == model
  if is_asked_for and redis.call('EXISTS', vectors_key(set, known)) == 1 then return 1 end
end
return 0
