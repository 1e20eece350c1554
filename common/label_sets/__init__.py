"""Label sets: candidates that are encoded once and used by name.

How they are kept in Redis; how a request uses one is in `api/dispatch`.
"""
