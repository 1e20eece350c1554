"""The embeddings that workers share through Redis, keyed by content.

Keys, bounds and lookups; scores and answers are made elsewhere.
"""
