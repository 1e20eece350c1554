"""Who asks for a job."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and in which request; the `owner` is empty where no API keys are asked for.

    The `trace` is a W3C traceparent, empty where nothing is traced.
    """

    owner: str
    request_id: str
    trace: str = ""
