"""The port on which a worker tells Prometheus what it measures."""

import sys

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server


def open_port(registry: CollectorRegistry, host: str, port: int) -> None:
    """Serve from a thread of its own until the process ends, or end it now with the reason.

    What the system knows of the process (its memory, say) is told too.
    """
    ProcessCollector(registry=registry)
    try:
        start_http_server(port, host, registry)
    except OSError as error:
        told = error.strerror or error
        sys.exit(f"CLIP_METRICS_PORT: cannot listen on {host}, port {port} ({told})")
