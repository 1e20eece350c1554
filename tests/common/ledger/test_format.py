"""A job of another release's format waits for a worker of that release."""

import pytest
from redis import Redis
from structlog.testing import capture_logs

from common.ledger.jobs import Ledger
from common.ledger.reads import job_key
from common.ledger.records import PartMessage
from common.protocol.messages import FORMAT
from common.protocol.records import NewerFormat
from tests.common.ledger.test_jobs import TEXT, create, new_job
from tests.common.ledger.test_repair import later
from tests.worker.fake_encoder import FakeEncoder
from tests.worker.runners import running


@pytest.fixture
def job(ledger: Ledger, redis: Redis) -> str:
    create(ledger, new_job(parts=[[TEXT]]))
    redis.hset(job_key("j"), "format", FORMAT + 1)
    return "j"


def test_its_part_is_not_begun_and_repair_sends_it_again(
    job: str, ledger: Ledger, redis: Redis
) -> None:
    before = redis.hgetall(job_key(job))
    with pytest.raises(NewerFormat, match=f"format {FORMAT + 1}"):
        ledger.begin(job, 0, "w")
    assert redis.hgetall(job_key(job)) == before
    assert ledger.repair() == []
    later(redis)
    assert ledger.repair() == [PartMessage(job, 0, "bulk", "r1")]


def test_a_worker_logs_it_and_encodes_nothing(job: str, ledger: Ledger, redis: Redis) -> None:
    encoder = FakeEncoder()
    with running(redis, encoder) as runner, capture_logs() as logs:
        assert not runner.run(job, 0)
    assert [(line["event"], line["reason"]) for line in logs] == [
        ("part_ignored", f"the job has format {FORMAT + 1}")
    ]
    assert encoder.batches == []
    record = ledger.read(job)
    assert record is not None
    assert record.state == "queued"


def test_a_worker_of_that_format_does_it(
    job: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.ledger.jobs.FORMAT", FORMAT + 1)
    assert ledger.begin(job, 0, "w") is not None
