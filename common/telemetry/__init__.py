"""What the metrics and traces of the API and the workers share.

The metrics themselves are in `api/telemetry` and `worker/telemetry`.
"""
