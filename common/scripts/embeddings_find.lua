-- The embeddings under some keys, nothing for each that is not there.
-- ARGV: space, most embeddings in a generation, seconds that an unused space is kept, keys in a row
local space, digests = open_space(ARGV[1], ARGV[2], ARGV[3]), ARGV[4]
local found, count = {}, #digests / KEY_BYTES
for first = 1, count, KEYS_AT_ONCE do
  local keys = keys_between(digests, first, math.min(first + KEYS_AT_ONCE - 1, count))
  for _, value in ipairs(find_embeddings(space, keys)) do found[#found + 1] = value end
end
prolong(space)
return found
