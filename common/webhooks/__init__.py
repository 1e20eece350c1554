"""The outbox of webhooks: what is to be delivered, and what became of it.

How they are kept, and the secrets that sign them; sending is in `worker/webhooks`.
"""
