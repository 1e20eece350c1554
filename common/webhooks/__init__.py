"""The outbox of webhooks: deliveries and their outcomes.

How they are stored, and the secrets that sign them; sending is in `worker/webhooks`.
"""
