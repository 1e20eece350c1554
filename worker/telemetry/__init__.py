"""Metrics and traces of a worker.

Nothing here changes a result.
"""
