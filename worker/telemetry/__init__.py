"""What a worker counts and traces.

Metrics and spans; nothing here changes a result.
"""
