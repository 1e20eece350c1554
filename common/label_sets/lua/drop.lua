-- Delete a set. Returns 0 when there is none. args: owner, name
local sets = sets_key(args.owner)
local known = redis.call('HGET', sets, args.name)
if not known then return 0 end
redis.call('HDEL', sets, args.name)
retire(args.owner, set_of(args.owner, args.name, version_of(known)))
return 1
