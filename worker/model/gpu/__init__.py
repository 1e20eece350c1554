"""Everything that keeps a GPU busy: batches copied while others run, and CUDA graphs.

It uses only torch's public functions, and runs wherever torch has streams.
"""
