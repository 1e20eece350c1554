"""Delivery of webhooks: schedule, concurrency, signatures.

The outbox itself is in `common/webhooks`, connections in `worker/net`.
"""
