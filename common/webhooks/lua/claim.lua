-- Claim a due delivery: no other worker gets it before the lease ends. Returns its job, host and
-- fields, or nil. args: lease_s, busy_hosts (a set of hosts to skip), retries (whether a delivery
-- that was tried before may be claimed)
local at = ledger_now()
-- The first KEPT deliveries stay due while they must wait. Later ones are postponed by PAUSE_S, so
-- that many of them neither hide the due ones behind them nor slow down each claim.
local KEPT, LOOKED_AT, PAUSE_S = 100, 1000, 2

local function host_of(url)
  local authority = string.match(url, '^%a+://([^/?#]*)') or ''
  local host = string.gsub(authority, '^.*@', '') -- without user name and password
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
