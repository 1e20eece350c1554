"""The ledger: the source of truth about jobs, in Redis.

Each transition of a job is one Lua script; each record is parsed here, once.
"""
