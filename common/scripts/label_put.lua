-- Make a version of a set the current one. Its content and embeddings are there already.
-- Returns 'created', 'changed', 'same', or 'full' when the owner has as many sets as allowed.
-- ARGV: owner, name, version, summary as JSON, most sets, seconds that the old version is kept
local owner, name, version, seconds = ARGV[1], ARGV[2], ARGV[3], ARGV[6]
local sets, new = sets_key(owner), set_of(owner, name, version)
local known = redis.call('HGET', sets, name)
if not known and redis.call('HLEN', sets) >= tonumber(ARGV[5]) then
  retire(new, seconds)
  return 'full'
end
local old = version_of(known)
keep(new)
if old == version then return 'same' end
if old then retire(set_of(owner, name, old), seconds) end
redis.call('HSET', sets, name, ARGV[4])
return known and 'changed' or 'created'
