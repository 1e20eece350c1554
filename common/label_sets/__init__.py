"""Label sets: candidates that are encoded once and used by name.

How they are stored in Redis; how a request uses one is in `api/dispatch`.
"""
