-- Shared by the scripts of label sets. A set is "owner:name:version".

local function sets_key(owner) return 'clip:label-sets:' .. owner end
local function content_key(set) return 'clip:label-content:' .. set end
local function models_key(set) return 'clip:label-models:' .. set end
local function vectors_key(set, model) return 'clip:label-vectors:' .. set .. ':' .. model end

local function set_of(owner, name, version) return owner .. ':' .. name .. ':' .. version end

-- The version in a set's summary, which begins with it.
local function version_of(summary) return string.match(summary or '', '^%["(%x+)"') end

local function each_key(set, act)
  act(content_key(set))
  for _, model in ipairs(redis.call('HKEYS', models_key(set))) do act(vectors_key(set, model)) end
  act(models_key(set))
end

-- Jobs that were sent with this version may need it for a while.
local function retire(set, seconds)
  each_key(set, function(key) redis.call('EXPIRE', key, seconds) end)
end

local function keep(set)
  each_key(set, function(key) redis.call('PERSIST', key) end)
end
