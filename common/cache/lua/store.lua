-- Store embeddings. args: space, max_embeddings, ttl_s. ARGV: key and value of each
local space = open_space(args)
for at = 2, #ARGV, 2 do put_embedding(space, ARGV[at], ARGV[at + 1]) end
prolong(space)
return 1
