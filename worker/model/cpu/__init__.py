"""Everything that makes a model fast on a CPU and is not public torch, behind `accelerate(model)`.

Nothing outside depends on how it is done; what gains less than 5 % on ViT-B/32 stays out.
"""
