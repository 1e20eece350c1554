"""Everything that is for CPUs only: int8, and what makes a model fast and is not public torch.

The latter is behind `accelerate(model)`. Nothing outside depends on how it is done; what gains less
than 5 % on ViT-B/32 stays out.
"""
