"""What a caller is shown of a job, of a worker, and of a model."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from api.answer.rendering import render
from api.answer.results import Outcome
from api.answer.scoring import Units
from api.dispatch.models import ServedModel
from common.errors import ClipError, DeadlineExceeded, ItemFault, JobCancelled
from common.fleet.heartbeats import Heartbeat
from common.label_sets.label_content import LabelSet
from common.ledger.records import JobRecord, links, timestamp
from common.protocol.messages import ModelInfo

ENDINGS: dict[str, type[ClipError]] = {"cancelled": JobCancelled, "expired": DeadlineExceeded}
# The list of a request whose items its progress counts.
COUNTED = {"rank": "/queries", "encode": "", "label_set": "/candidates"}


def summary(record: JobRecord) -> dict[str, Any]:
    """A job as it stands in a list."""
    items = record.request.lists[COUNTED[record.kind]]
    return {
        "id": record.id,
        "kind": record.kind,
        "status": record.state,
        "progress": {"total": len(items), "done": record.done, "failed": record.failed},
        "created_at": timestamp(record.created),
        "started_at": timestamp(record.started),
        "finished_at": timestamp(record.finished),
        "links": links(record.id),
    }


def document(outcome: Outcome, callback: dict[str, Any] | None = None) -> dict[str, Any]:
    """A job in full, but for its result; with what became of its callback, if it has one."""
    ending = ENDINGS.get(outcome.record.state)
    faults = outcome.item_faults()
    if ending:
        faults.append(ItemFault("", ending.code, ending.title))
    used = outcome.label_set
    return {
        **summary(outcome.record),
        **({"label_set": asdict(used)} if used else {}),
        "model": _model(outcome),
        **({"callback": callback} if callback else {}),
        "timings": {f"{name}_s": value for name, value in asdict(outcome.timings).items()},
        "errors": [fault.as_dict() for fault in faults],
        "truncated": outcome.truncated_pointers(),
    }


def _model(outcome: Outcome) -> dict[str, str | None] | None:
    made_by = outcome.model
    if made_by:
        return {"name": made_by.name, "revision": made_by.revision}
    return {"name": outcome.asked_for, "revision": None} if outcome.asked_for else None


def label_set_summary(found: LabelSet) -> dict[str, Any]:
    """A label set as it stands in a list."""
    return {
        "name": found.name,
        "version": found.version,
        "count": found.count,
        "created_at": timestamp(found.created),
    }


def label_set(
    found: LabelSet, names: Sequence[str | None], models: Sequence[ModelInfo]
) -> dict[str, Any]:
    """A label set in full: what its candidates are called, and for which models it is encoded."""
    told = [{"name": model.name, "revision": model.revision} for model in models]
    return {**label_set_summary(found), "labels": names, "models": told}


def stream(
    outcome: Outcome, candidates: Units | None, callback: dict[str, Any] | None = None
) -> Iterator[bytes]:
    """A job in full, its result last and in pieces: it may be larger than this process."""
    head = orjson.dumps(document(outcome, callback))
    if outcome.record.state != "done":
        yield head
        return
    outcome.check_complete()
    yield head[:-1] + b',"result":'
    yield from render(outcome, candidates)
    yield b"}"


def worker(heartbeat: Heartbeat) -> dict[str, Any]:
    return {
        "name": heartbeat.name,
        "model": heartbeat.model.name,
        "revision": heartbeat.model.revision,
        "device": heartbeat.device,
        "dtype": heartbeat.dtype,
        "batch_size": heartbeat.batch_size,
        "in_flight": heartbeat.in_flight,
        "queues": sorted(heartbeat.consumed_queues),
        "since": timestamp(heartbeat.since),
    }


def model(served: ServedModel) -> dict[str, Any]:
    """A model as the worker that started last says it is."""
    beat = served.workers[-1] if served.workers else None
    traits = beat.traits if beat else None
    resolution = traits.resolution if traits else None
    return {
        "name": served.name,
        "is_default": served.is_default,
        "revision": beat and beat.model.revision,
        "family": traits and traits.family,
        "dimension": beat and beat.model.dimension,
        "context_length": traits and traits.context_length,
        "resolution": resolution and {"height": resolution[0], "width": resolution[1]},
        "precision": beat and beat.dtype,
        "workers": len(served.workers),
    }
