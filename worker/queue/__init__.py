"""Celery on the worker's side: signals, options, and the share of bulk work.

What Celery calls or reads; what a part needs is in `worker/part`.
"""
