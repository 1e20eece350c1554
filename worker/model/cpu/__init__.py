"""CPU optimisations over stock PyTorch.

Nothing else may depend on how it is done.
"""
