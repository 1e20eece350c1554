"""What API and workers must agree on: the task, the ledger and all else in Redis, errors, settings.

It imports neither side, and what only one side needs stays there.
"""
