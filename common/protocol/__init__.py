"""The protocol between API and workers: the task, its queues, items and results.

The only package of `common` that imports Celery.
"""
