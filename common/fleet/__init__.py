"""Which workers are alive, which models they serve, and the length of their queues.

Heartbeats and what is derived from them; nothing here changes a job.
"""
