"""The inference side: it fetches, decodes and encodes, one model a process.

It imports nothing of the API, and answers to nothing but Celery and the ledger.
"""
