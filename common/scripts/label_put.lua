-- Make a version of a set the current one. Its content and embeddings are stored already. Returns
-- 'created', 'changed', 'same', or 'full' when the owner has as many sets as allowed.
-- args: owner, name, version, max_sets, grace_s (the old version is kept that long).
-- ARGV: the summary as JSON
local sets, new = sets_key(args.owner), set_of(args.owner, args.name, args.version)
local known = redis.call('HGET', sets, args.name)
if not known and redis.call('HLEN', sets) >= args.max_sets then
  retire(new, args.grace_s)
  return 'full'
end
local old = version_of(known)
keep(new)
if old == args.version then return 'same' end
if old then retire(set_of(args.owner, args.name, old), args.grace_s) end
redis.call('HSET', sets, args.name, ARGV[2])
return known and 'changed' or 'created'
