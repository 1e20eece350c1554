"""Each fault, done to a service under load. The tests judge the tally, the report prints it."""

import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

import requests

from common.protocol.messages import queues_of
from common.redis.keys import KEYS
from tests.faults import attacks, redis_faults
from tests.faults.deployment import Deployment, deployed
from tests.faults.load import Load, Scenario, Tally, image, under_load
from tests.faults.worker import DEATH, HANG
from tests.worker.fake_encoder import POISON


def worker_killed_again_and_again(folder: Path, times: int = 10) -> Tally:
    with deployed(folder, workers=2) as service:

        def harm(load: Load) -> None:
            for _ in range(times):
                load.wait_for(done=10)
                service.workers[-1].kill()
                service.replace_worker()

        return under_load(service, harm)


def only_worker_killed(folder: Path) -> Tally:
    with deployed(folder) as service:

        def harm(_: Load) -> None:
            service.workers[0].kill()
            time.sleep(5)
            service.start_worker()

        return under_load(service, harm)


def workers_rolled(folder: Path) -> Tally:
    with deployed(folder, workers=2) as service:

        def harm(load: Load) -> None:
            for old in list(service.workers):
                load.wait_for(done=20)
                assert old.stop() == 0
                service.replace_worker()

        return under_load(service, harm)


def api_killed(folder: Path) -> Tally:
    with deployed(folder) as service:
        return under_load(service, lambda _: service.restart_api())


def api_master_killed(folder: Path) -> Tally:
    with deployed(folder) as service:

        def harm(_: Load) -> None:
            master = service.api.process.popen
            master.send_signal(signal.SIGKILL)
            master.wait()
            service.start_api_again()

        return under_load(service, harm)


def messages_lost(folder: Path) -> Tally:
    with deployed(folder, concurrency=2, FAULT_SECONDS_PER_IMAGE=0.02) as service:

        def harm(_: Load) -> None:
            with service.redis() as redis:
                dropped = 0
                while dropped < 20:
                    dropped += sum(redis.lpop(KEYS(queue)) is not None for queue in queues_of(""))
                    time.sleep(0.02)

        return under_load(service, harm)


def messages_doubled(folder: Path) -> Tally:
    with deployed(folder, concurrency=2, FAULT_SECONDS_PER_IMAGE=0.02) as service:

        def harm(_: Load) -> None:
            with service.redis() as redis:
                doubled = 0
                while doubled < 20:
                    for queue in queues_of(""):
                        for message in redis.lrange(KEYS(queue), 0, 0):
                            redis.rpush(KEYS(queue), message)
                            doubled += 1
                    time.sleep(0.02)

        return under_load(service, harm)


def rank(service: Deployment, *brightness: int, path: str = "/rank") -> requests.Response:
    """Rank grey images, whatever becomes of single ones."""
    queries = [image((shade, shade, shade)) for shade in brightness]
    body = {"queries": queries, "candidates": [{"text": "a"}], "allow_partial": True}
    return service.api.post(path, body)


def poisoned_image(folder: Path) -> Tally:
    with deployed(folder) as service:

        def harm(load: Load) -> None:
            shades = [100 + number for number in range(15)]
            for _ in range(5):
                load.wait_for(done=5)
                answer = rank(service, *shades[:7], POISON, *shades[7:])
                rows = answer.json()["probabilities"]
                assert [row is None for row in rows] == [n == 7 for n in range(16)]

        return under_load(service, harm)


def memory_runs_out(folder: Path) -> Tally:
    with deployed(folder, batch_size=16, FAULT_MEMORY=3) as service:

        def harm(_: Load) -> None:
            assert rank(service, *range(100, 164)).status_code == 200
            [worker] = service.api.get("/workers").json()["workers"]
            assert worker["batch_size"] <= 3

        return under_load(service, harm)


def job_takes_workers_down(folder: Path, brightness: int, **settings: Any) -> Tally:
    """The job is given up after it took down three workers; no other is harmed."""
    with deployed(folder, workers=2, **settings) as service, service.supervised(**settings):

        def harm(_: Load) -> None:
            location = rank(service, brightness, path="/rank?wait=0").headers["Location"]
            document = service.api.get(f"{location}?wait=50").json()
            assert document["errors"][0]["code"] == "given_up", document

        return under_load(service, harm)


def batcher_dies(folder: Path) -> Tally:
    return job_takes_workers_down(folder, DEATH)


def model_hangs(folder: Path) -> Tally:
    return job_takes_workers_down(folder, HANG, model_timeout_s=1)


SCENARIOS: dict[str, Scenario] = {
    "kill -9 of a worker, 10 times, another alive": worker_killed_again_and_again,
    "kill -9 of the only worker, a new one after 5 s": only_worker_killed,
    "SIGTERM of each worker in turn": workers_rolled,
    "Redis killed and restarted with AOF": redis_faults.killed_with_aof,
    "Redis away for 75 s, with AOF": partial(redis_faults.killed_with_aof, away_s=75.0),
    "Redis restarted empty": redis_faults.emptied,
    "Redis frozen for 10 s": redis_faults.frozen,
    "Redis takes no writes for 5 s": redis_faults.read_only,
    "all connections to Redis cut, 10 times": redis_faults.connections_cut,
    "failover, connections to the old primary stay": redis_faults.failed_over,
    "Redis' clock set two hours ahead": partial(redis_faults.clock_set, ahead_s=7200.0),
    "Redis' clock set two hours back": partial(redis_faults.clock_set, ahead_s=-7200.0),
    "API killed and restarted": api_killed,
    "kill -9 of the API's master, a new one at once": api_master_killed,
    "20 messages dropped from the queues": messages_lost,
    "20 messages delivered twice": messages_doubled,
    "an image that makes the model raise": poisoned_image,
    "out of memory above 3 images": memory_runs_out,
    "an image that kills the batcher thread": batcher_dies,
    "an image in which the model hangs": model_hangs,
    "2,000 images of hosts that hang": attacks.images_of_hanging_hosts,
    "100 requests with a million prompts each": attacks.prompts_that_multiply,
    "20 clients that do not read 18 MB": attacks.answers_that_nobody_reads,
    "140 connections that drip": attacks.connections_that_drip,
    "50 versions of a label set": attacks.versions_of_a_label_set,
    "32 images of 49 megapixels, asynchronous": attacks.large_images_in_bulk,
    "80 webhooks to hosts that hang": attacks.webhooks_to_hanging_hosts,
}
