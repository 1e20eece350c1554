"""Batches for the one thread that owns the model.

Standard library only: it knows neither torch nor Redis.
"""
