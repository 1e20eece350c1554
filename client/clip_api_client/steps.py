"""What an operation asks of the outside world.

An operation is a generator: it yields what it wants done and is sent what came of it, or has the
exception thrown into it. It knows nothing of sockets, threads and event loops; the two drivers do,
and nothing else is different between the synchronous and the asynchronous client.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Request:
    """Sent as it is; what comes of it is a Response, or Unreachable."""

    method: str
    path: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of any status; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Sleep:
    """Let so many seconds pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Blocking:
    """Call this where nothing else waits for it; what comes of it is what it returns."""

    call: Callable[[], object]


Step: TypeAlias = Request | Sleep | Blocking
Steps: TypeAlias = Generator[Step, Any, Result]
