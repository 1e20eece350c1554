"""What the task does: begin → fetch and decode → batcher → finish."""

import time
from dataclasses import dataclass

import numpy as np
import structlog

from common.errors import GivenUp
from common.ledger.jobs import Ledger
from common.ledger.records import BegunPart
from common.protocol.messages import Fault, PartAbout, PartResult
from common.protocol.records import CorruptRecord, NewerFormat
from worker.batching.batcher import TooLate
from worker.batching.policy import PartRef
from worker.part.encode_part import PartRun
from worker.part.fetching_parts import PartReleased
from worker.part.pipeline import CancellationCheck, Cancelled, Pipeline
from worker.telemetry.metrics import WorkerMetrics

log = structlog.get_logger()

MAX_STRIKES = 3
MAX_TRIES = 20
"""A part is begun again when its worker dies, but not forever, because it may be the cause."""


@dataclass(frozen=True, slots=True)
class PartRunner:
    """Encodes parts of jobs. It has no state of its own."""

    worker: str
    ledger: Ledger
    pipeline: Pipeline
    metrics: WorkerMetrics

    def run(self, job: str, part: int) -> bool:
        """Run one part. False if there is nothing to do, or its job has ended.

        Raises:
            BatcherClosed: this process is stopping; another worker must run the part.
        """
        begun = self._begin(job, part)
        if begun is None:
            return False
        with structlog.contextvars.bound_contextvars(request_id=begun.request_id):
            return self._do(job, part, begun)

    def _begin(self, job: str, part: int) -> BegunPart | None:
        try:
            begun = self.ledger.begin(job, part, self.worker)
        except NewerFormat as error:
            log.warning("part_ignored", job=job, part=part, reason=str(error))
            return None
        except CorruptRecord as error:
            log.warning("corrupt_record", job=job, part=part, reason=str(error))
            self.ledger.stop(job, "failed", "corrupt")
            return None
        if begun is None:
            log.info("part_ignored", job=job, part=part, reason="done, ended, or no such job")
        return begun

    def _do(self, job: str, part: int, begun: BegunPart) -> bool:
        self.metrics.begun()
        started = time.monotonic()
        deadline = started + begun.left_s
        ref = PartRef(job, part, deadline, begun.priority, begun.strikes > 0, begun.owner)
        run = PartRun(self.pipeline, begun, ref, CancellationCheck(self.ledger, job))
        try:
            result = self._give_up(begun) or run.encode()
        except (TooLate, Cancelled):
            log.info("part_cancelled", job=job, part=part)
            self.metrics.dropped()
            return False
        except PartReleased:
            self.ledger.release(job, part, self.worker)
            log.info("part_released", job=job, part=part)
            self.metrics.dropped()
            return False
        shared = self.pipeline.memory.shared(result, run.encoded)
        is_stored = self.ledger.finish(job, part, begun.items, result, shared)
        log.info(
            "part_done",
            job=job,
            part=part,
            items=len(begun.items),
            failed=len(result.about.faults),
            stored=is_stored,
            seconds=round(time.monotonic() - started, 4),
        )
        if is_stored:
            self.metrics.finished(begun.items, result, run.hits)
        else:
            self.metrics.dropped()
        return is_stored

    def _give_up(self, begun: BegunPart) -> PartResult | None:
        """A result without embeddings, for a part that made too many workers fail."""
        if begun.strikes < MAX_STRIKES and begun.tries < MAX_TRIES:
            return None
        fault = Fault(GivenUp.code, GivenUp.title)
        faults = dict.fromkeys(range(len(begun.items)), fault)
        model = self.pipeline.encoder.info
        vectors = np.zeros((len(begun.items), model.dimension), dtype=np.float32)
        return PartResult(vectors, PartAbout(model, faults))
