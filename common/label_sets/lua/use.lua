-- The summary of a set's current version, for a job that may need it for `seconds`.
-- args: owner, name, seconds
local known = redis.call('HGET', sets_key(args.owner), args.name)
if not known then return nil end
local used = used_key(set_of(args.owner, args.name, version_of(known)))
if redis.call('TTL', used) < args.seconds then
  write_even_if_full() -- a stored set is usable even while Redis is full
  redis.call('SET', used, '', 'EX', args.seconds)
end
return known
