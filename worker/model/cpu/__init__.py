"""Whatever makes a CPU faster than public torch does.

Nothing else may depend on how it is done.
"""
