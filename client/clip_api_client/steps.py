"""The steps that an operation yields to its driver.

An operation is a generator: it yields a step and receives the result, or the exception is thrown
into it. It is independent of sockets, threads and event loops; only the two drivers differ between
the synchronous and the asynchronous client.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request; its result is a Response, or Unreachable is raised."""

    method: str
    path: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Response:
    """A response of any status; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Sleep:
    """Sleep for some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Blocking:
    """Call a function in a thread; the result is its return value."""

    call: Callable[[], object]


Step: TypeAlias = Request | Sleep | Blocking
Steps: TypeAlias = Generator[Step, Any, Result]
