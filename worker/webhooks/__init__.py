"""Delivery of webhooks: when, how many at once, signed how.

The outbox itself is in `common/webhooks`, connections in `worker/net`.
"""
