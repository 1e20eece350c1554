"""Which models are served, and which of them a request is for."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from api.errors import ItemFault, NoWorker, UnknownModel
from api.request.request import NamedModel
from common.cache.embeddings import Space
from common.fleet.heartbeats import Heartbeat
from common.protocol.messages import ModelInfo, Priority, model_queue_of, queue_of

READ_EVERY_S = 1.0
MAX_SHOWN_CHARS = 200
START_A_WORKER = "start a worker for it; the log of a worker that ended says why"
"""The detail of NoWorker."""


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """The model that must run a job, and its model queue; without a name, any model of that queue.

    `served` is the model as its live workers report it, with the space of its embeddings; None if
    they differ, or there are none.
    """

    name: str = ""
    model_queue: str = ""
    served: tuple[ModelInfo, Space] | None = None


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that is configured or served; a default serves requests that name no model.

    `workers` are its live workers, the oldest first.
    """

    name: str
    is_default: bool
    workers: tuple[Heartbeat, ...]


def resolve(
    named: NamedModel | None, configured: Sequence[str], alive: Sequence[Heartbeat]
) -> ResolvedModel:
    """Which model a request is for.

    Raises:
        UnknownModel: it is neither configured nor served.
        NoWorker: no model is configured, and no worker is alive, so it may be served soon.
    """
    name, model_queue = _name_and_queue(named, configured, alive)
    served = {
        (beat.model, Space(beat.space, beat.model.dimension))
        for beat in alive
        if beat.model_queue == model_queue and name in ("", beat.model.name)
    }
    return ResolvedModel(name, model_queue, served.pop() if len(served) == 1 else None)


def _name_and_queue(
    named: NamedModel | None, configured: Sequence[str], alive: Sequence[Heartbeat]
) -> tuple[str, str]:
    if named is None:
        return (configured[0], "") if configured else ("", "")
    if named.name in configured:
        return named.name, model_queue_of(named.name, configured)
    found = served_models(configured, alive)
    for served in found:
        if served.name == named.name:
            return served.name, served.workers[-1].model_queue
    if not found:
        raise NoWorker(START_A_WORKER)
    detail = _unknown_model(found, named)
    fault = ItemFault(named.pointer, UnknownModel.code, detail)
    raise UnknownModel([fault], "" if named.pointer else detail)


class RecentHeartbeats:
    """The live workers, at most a second old, so that not every request reads them."""

    def __init__(self, read: Callable[[], list[Heartbeat]]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._alive: list[Heartbeat] = []
        self._read_at = -float("inf")

    def alive(self) -> list[Heartbeat]:
        """The live workers; the previous ones while another thread reads.

        Raises:
            RedisError: Redis does not answer. Other threads do not wait for it.
        """
        with self._lock:
            if time.monotonic() - self._read_at <= READ_EVERY_S:
                return self._alive
            self._read_at = time.monotonic()
        alive = self._read()
        with self._lock:
            self._alive = alive
        return alive


def served_models(configured: Sequence[str], alive: Sequence[Heartbeat]) -> list[ServedModel]:
    """All models: those of the settings in their order, then others that are served, by name."""
    by_age = sorted(alive, key=lambda beat: (beat.since, beat.name))
    served = sorted({beat.model.name for beat in by_age})
    found = []
    for name in dict.fromkeys([*configured, *served]):
        workers = tuple(beat for beat in by_age if beat.model.name == name)
        if configured:
            is_default = name == configured[0]
        else:
            is_default = not all(beat.model_queue for beat in workers)
        found.append(ServedModel(name, is_default, workers))
    return found


def is_ready(found: Sequence[ServedModel]) -> bool:
    """Whether a worker takes synchronous requests that name no model."""
    queue = queue_of(Priority.INTERACTIVE)
    workers = (beat for served in found if served.is_default for beat in served.workers)
    return any(queue in beat.consumed_queues for beat in workers)


def conflicting_models(alive: Iterable[Heartbeat]) -> list[str]:
    """The models that share a queue: a request gets an answer from any of them."""
    models: dict[str, set[str]] = {}
    for beat in alive:
        models.setdefault(beat.model_queue, set()).add(beat.model.name)
    return sorted({name for names in models.values() if len(names) > 1 for name in names})


def _unknown_model(found: Sequence[ServedModel], named: NamedModel) -> str:
    subject = "" if named.pointer else "parameter model "
    names = ", ".join(served.name for served in found)
    return f"{subject}{not_served(named.alias or named.name)}; served models: {names}"


def not_served(name: str) -> str:
    """What an error says of a model that is not served; the name may have any length."""
    return f"is {name[:MAX_SHOWN_CHARS]!r}, which is not served"
