"""What the metrics and traces of API and workers have in common.

What is measured is in `api/telemetry` and `worker/telemetry`.
"""
