"""Redis' clock set forward or back, as what it holds sees it: all of that is older or younger."""

from redis import Redis

SHIFT = """
local by = tonumber(ARGV[1])
local TIMES, TIMES_OF_PARTS = {}, { sent = true, missing = true, begun = true }
for field in string.gmatch('created started finished deadline next redis ledger', '%a+') do
  TIMES[field] = true
end

local function earlier(time) return string.format('%.6f', time - by) end

local function shift_hash(key)
  for _, field in ipairs(redis.call('HKEYS', key)) do
    local value = redis.call('HGET', key, field)
    if tonumber(value) and (TIMES[field] or TIMES_OF_PARTS[string.match(field, '^(%a+):%d+$')]) then
      redis.call('HSET', key, field, earlier(value))
    end
  end
end

local function shift_sorted_set(key)
  local members = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  for place = 1, #members, 2 do
    redis.call('ZADD', key, earlier(members[place + 1]), members[place])
  end
end

for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  if kind == 'hash' and string.match(key, '^clip:%a+') ~= 'clip:emb' then shift_hash(key) end
  if kind == 'zset' then shift_sorted_set(key) end
  if string.match(key, '^clip:begun:') then
    redis.call('SET', key, earlier(redis.call('GET', key)))
  end
  local left_ms = redis.call('PTTL', key)
  if left_ms >= 0 then redis.call('PEXPIRE', key, left_ms - 1000 * by) end
end
"""


def set_clock(redis: Redis, ahead_s: float) -> None:
    """Set Redis' clock so many seconds ahead, or back where they are negative."""
    redis.eval(SHIFT, 0, str(ahead_s))
