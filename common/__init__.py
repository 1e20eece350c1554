"""What the API and the workers share: the task, the ledger and all other data in Redis, errors.

It imports neither side. Code that only one side needs stays on that side.
"""
