"""Celery on the worker's side: the consumer's share of bulk work, and its options.

What Celery calls or is told; what a part needs is in `worker/part`.
"""
