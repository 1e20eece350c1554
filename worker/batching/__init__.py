"""Batching for the one thread that owns the model.

It knows neither torch nor Redis.
"""
