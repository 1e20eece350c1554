-- Forget a set. Returns 0 when there is none. ARGV: owner, name, seconds that it is kept for jobs
local sets = sets_key(ARGV[1])
local known = redis.call('HGET', sets, ARGV[2])
if not known then return 0 end
redis.call('HDEL', sets, ARGV[2])
local old = version_of(known)
if old then retire(set_of(ARGV[1], ARGV[2], old), ARGV[3]) end
return 1
