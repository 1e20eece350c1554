"""The inference side: it fetches, decodes and encodes, one model per process.

It imports nothing of the API; its only inputs are Celery tasks and the ledger.
"""
