"""News of a job's end. Who waits for a small one is told at once what he would come to read.

A message is the job's id and, where prelude.lua tells more, three lines: the job as JSON, what
there is to know of the result of its one part, and the embeddings.
"""

import structlog
from pydantic import TypeAdapter

from common.protocol import PASSING, Broken, Later, PartResult, load_result
from common.records import RECORD_FIELDS, JobRecord, load_record

log = structlog.get_logger()

FIELDS: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str], config=PASSING)


def split_news(message: bytes) -> tuple[str, bytes]:
    """The job that a message is about, and what it tells of it, if anything."""
    job, _, told = message.partition(b"\n")
    return job.decode(errors="replace"), told


def load_news(job: str, told: bytes) -> tuple[JobRecord | None, list[PartResult | None]] | None:
    """What Ledger.read_whole would read; None where it was not told."""
    if not told:
        return None
    try:
        raw, about, vectors = told.split(b"\n", 2)
        fields = FIELDS.validate_json(raw)
        record = load_record(job, {name: fields.get(name) for name in RECORD_FIELDS})
        result = load_result({b"about": about, b"vectors": vectors})
    except (ValueError, Broken, Later) as error:
        log.warning("news_refused", job=job, error=type(error).__name__)
        return None
    return record, [result]
