-- Make a version of a set the current one. Its content is stored already, its embeddings follow.
-- Returns 'created', 'changed' or 'same'; 'full' if the owner has max_sets already, and 'too_large'
-- if the current sets would take more than max_bytes together.
-- args: owner, name, version, bytes (of its content), vectors_bytes, max_sets, max_bytes.
-- ARGV: the summary as JSON
local owner, sets = args.owner, sets_key(args.owner)
local new = set_of(owner, args.name, args.version)
local known = redis.call('HGET', sets, args.name)
if not known and redis.call('HLEN', sets) >= args.max_sets then
  retire(owner, new)
  return 'full'
end
local old = known and set_of(owner, args.name, version_of(known))
local is_same = old == new
keep(owner, new)
local replaced = size_of(owner, keys_of(new))
if old and not is_same then replaced = replaced + size_of(owner, keys_of(old)) end
if not fits(owner, args.bytes + args.vectors_bytes - replaced, args.max_bytes) then
  if not is_same then retire(owner, new) end
  return 'too_large'
end
redis.call('HSET', bytes_key(owner), content_key(new), args.bytes)
if is_same then return 'same' end
if old then retire(owner, old) end
trim(owner, args.max_bytes)
redis.call('HSET', sets, args.name, ARGV[2])
return known and 'changed' or 'created'
