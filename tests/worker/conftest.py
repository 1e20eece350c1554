"""A part runner around a fake encoder."""

from collections.abc import Iterator

import pytest
from redis import Redis

from tests.worker.fake_encoder import FakeEncoder
from tests.worker.runners import running
from worker.part.runner import PartRunner


@pytest.fixture
def encoder() -> FakeEncoder:
    return FakeEncoder()


@pytest.fixture
def runner(redis: Redis, encoder: FakeEncoder) -> Iterator[PartRunner]:
    with running(redis, encoder) as runner:
        yield runner
