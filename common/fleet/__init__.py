"""Which workers are alive, with which model, and what waits for them.

Heartbeats and what is read from them; nothing that changes a job.
"""
