-- Store the content of a version without a name. Returns 0 when the owner has as many as allowed.
-- ARGV: owner, name, version, content as JSON, most, seconds that it is kept
local owner, version, seconds = ARGV[1], ARGV[3], ARGV[6]
local lists, set, at = unnamed_key(owner), set_of(owner, ARGV[2], version), now()
redis.call('ZREMRANGEBYSCORE', lists, '-inf', stamp(at))
if not redis.call('ZSCORE', lists, version) and redis.call('ZCARD', lists) >= tonumber(ARGV[5]) then
  return 0
end
redis.call('HSET', content_key(set), 'content', ARGV[4])
keep_unnamed(lists, set, version, at, seconds)
return 1
