"""What API and workers agree on: the task, its queues, its items and its results.

The one room of `common` that imports Celery.
"""
