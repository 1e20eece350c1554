"""The truth about jobs, in Redis.

Each transition of a job is one Lua script; each record is parsed here, once.
"""
