"""What the last round trip of a synchronous request is spared by. The test itself is the worker."""

from concurrent.futures import ThreadPoolExecutor
from typing import cast

import numpy as np
from redis import Redis

from common.heartbeats import Heartbeats
from common.jobs import Ledger
from common.protocol import PartAbout, PartResult
from tests.api.test_shortcut import BEAT, BODY, COSINES, KNOWN, MODEL
from tests.conftest import ClientMaker
from tests.processes import wait_until


def jobs(redis: Redis) -> list[str]:
    return [key.decode().removeprefix("clip:job:") for key in redis.scan_iter("clip:job:*")]


def is_heard(redis: Redis, job: str) -> bool:
    waiter = cast("bytes", redis.hget(f"clip:job:{job}", "waiter")).decode()
    [(_, listeners)] = redis.pubsub_numsub(f"clip:done:{waiter}")
    return bool(listeners)


def reads_of_a_result(redis: Redis) -> int:
    """How often all fields of a hash were asked for; the script that tells the news does too."""
    stats = redis.info("commandstats")
    return int(stats.get("cmdstat_hgetall", {"calls": 0})["calls"])


def test_an_answer_is_made_of_the_news_and_nothing_is_read(
    redis: Redis, redis_url: str, ledger: Ledger, make_api: ClientMaker
) -> None:
    Heartbeats(redis, 60).beat(BEAT)
    client = make_api(redis_url=redis_url, worker_ttl_s=60)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.post, "/rank", json=BODY)
        wait_until(lambda: jobs(redis), "the job is made")
        [job] = jobs(redis)
        wait_until(lambda: is_heard(redis, job), "the listener listens")
        begun = ledger.begin(job, 0, "w")
        assert begun is not None
        picture, cat, dog = (known.vector for known in KNOWN.values())
        vectors = np.stack([cat, dog, picture])
        before = reads_of_a_result(redis)
        ledger.finish(job, 0, begun.items, PartResult(vectors, PartAbout(MODEL)))
        told = answer.result(5).json
        assert told
        assert told["cosine_similarities"] == COSINES
    assert reads_of_a_result(redis) - before == 1
