"""What the API counts and traces.

Metrics and spans; nothing here changes an answer.
"""
