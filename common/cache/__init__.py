"""The embeddings that workers share through Redis, by content.

Keys, bounds and lookups; what is made of an embedding stays outside.
"""
