-- Keep embeddings. ARGV: space, most embeddings in a generation, seconds that an unused space is
-- kept, then key and value of each
local space = open_space(ARGV[1], ARGV[2], ARGV[3])
for at = 4, #ARGV, 2 do put_embedding(space, ARGV[at], ARGV[at + 1]) end
prolong(space)
return 1
