"""Metrics and traces of the API.

Nothing here changes an answer.
"""
