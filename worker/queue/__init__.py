"""Celery on the worker's side: its signals, its options, and the share of bulk work.

What Celery calls or is told; what a part needs is in `worker/part`.
"""
