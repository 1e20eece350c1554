-- Claim a delivery that is due: nobody else gets it before the lease ends. Returns its job, its host
-- and its fields, or nothing. args: lease_s, busy_hosts (a set: theirs wait), retries (whether one
-- that was tried before may be claimed)
local at = ledger_now()
-- So many that must wait stay due, to be claimed the moment they may be. Others are looked at again
-- a while later, so that a crowd of them neither hides what is due behind it nor costs each claim.
local KEPT, LOOKED_AT, PAUSE_S = 100, 1000, 2

local function host_of(url)
  local authority = string.match(url, '^%a+://([^/?#]*)') or ''
  local host = string.gsub(authority, '^.*@', '') -- without what may be a password
  return (string.gsub(string.lower(host), ':%d*$', ''))
end

local function claim(id)
  local key = webhook_key(id)
  local fields = redis.call('HMGET', key, 'url', 'attempts')
  if not fields[1] and redis.call('EXISTS', key) == 0 then
    return redis.call('ZREM', WEBHOOKS, id) and nil
  end
  local host, is_retry = host_of(fields[1] or ''), fields[2] ~= '0'
  if args.busy_hosts[host] or (is_retry and not args.retries) then return nil end
  redis.call('HINCRBY', key, 'claims', 1)
  redis.call('HINCRBY', key, 'attempts', 1)
  redis.call('ZADD', WEBHOOKS, stamp(at + args.lease_s), id)
  return { id, host, redis.call('HGETALL', key) }
end

local function due(from, count)
  return redis.call('ZRANGEBYSCORE', WEBHOOKS, '-inf', stamp(at), 'LIMIT', from, count)
end

for _, id in ipairs(due(0, KEPT)) do
  local claimed = claim(id)
  if claimed then return claimed end
end
for _, id in ipairs(due(KEPT, LOOKED_AT - KEPT)) do
  local claimed = claim(id)
  if claimed then return claimed end
  redis.call('ZADD', WEBHOOKS, 'XX', stamp(at + PAUSE_S), id)
end
return false
