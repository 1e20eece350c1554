"""Which models there are, and which of them a request is for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from common.errors import ItemFault, UnknownModel
from common.heartbeats import Heartbeat
from common.protocol import lane_of


@dataclass(frozen=True, slots=True)
class Choice:
    """The model that a job must be done by, and its lane; no name: whatever serves that lane."""

    model: str = ""
    lane: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """A model that a request names, and where it does: a JSON Pointer, empty for the query."""

    model: str
    pointer: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A model that is configured or served; a request that names none may be served by a default.

    `workers` are those that live, the oldest first.
    """

    name: str
    is_default: bool
    workers: tuple[Heartbeat, ...]


def choose(
    named: Named | None, configured: Sequence[str], alive: Callable[[], list[Heartbeat]]
) -> Choice:
    """Which model a request is for; asks who is `alive` only where settings do not tell.

    Raises:
        UnknownModel: neither do the settings name it, nor does a live worker serve it.
    """
    if named is None:
        return Choice(configured[0]) if configured else Choice()
    if named.model in configured:
        return Choice(named.model, lane_of(named.model, configured))
    found = offers(configured, alive())
    for offer in found:
        if offer.name == named.model:
            return Choice(offer.name, offer.workers[-1].lane)
    raise UnknownModel([ItemFault(named.pointer, UnknownModel.code, _told(found, named.pointer))])


def offers(configured: Sequence[str], alive: Sequence[Heartbeat]) -> list[Offer]:
    """All models: those of the settings in their order, then what else is served, by name."""
    by_age = sorted(alive, key=lambda beat: (beat.since, beat.name))
    served = sorted({beat.model.name for beat in by_age})
    found = []
    for name in dict.fromkeys([*configured, *served]):
        workers = tuple(beat for beat in by_age if beat.model.name == name)
        is_default = name == configured[0] if configured else not all(beat.lane for beat in workers)
        found.append(Offer(name, is_default, workers))
    return found


def _told(found: Sequence[Offer], pointer: str) -> str:
    subject = "" if pointer else "parameter model: "
    names = ", ".join(offer.name for offer in found) or "none at all"
    return f"{subject}names a model that is not served; served are {names}"
