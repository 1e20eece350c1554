-- The heartbeats of live workers, each with its age in seconds. args: ttl_s
local at, beats = ledger_now(), {}
local found = redis.call('ZRANGEBYSCORE', WORKERS, stamp(at - args.ttl_s), '+inf', 'WITHSCORES')
for place = 1, #found, 2 do
  local beat = redis.call('GET', worker_key(found[place]))
  if beat then beats[#beats + 1] = { beat, stamp(math.max(0, at - found[place + 1])) } end
end
return beats
