"""A worker's connection that a firewall drops silently."""

from pathlib import Path

from tests.faults.test_single_faults import rank_body
from tests.processes import running_worker, start_api, wait_for_workers
from tests.silent_proxy import SilentProxy

NOTICED_WITHIN_S = 21
A_MOMENT_S = 4


def test_a_worker_whose_consumer_went_silent_takes_parts_again(
    redis_url_of_its_own: str, tmp_path: Path
) -> None:
    patience_s = NOTICED_WITHIN_S + A_MOMENT_S
    api = start_api(tmp_path, redis_url_of_its_own, sync_timeout_s=patience_s)
    arguments = ["-m", "tests.faults.worker"]
    try:
        with (
            SilentProxy(redis_url_of_its_own).running() as proxy,
            running_worker(arguments, tmp_path, proxy.url, batch_size=8) as worker,
        ):
            wait_for_workers(api, [worker])
            assert api.post("/rank", rank_body({"text": "before"})).status_code == 200
            assert proxy.silence(b"BRPOP") == 1
            assert api.post("/rank", rank_body({"text": "after"})).status_code == 200
    finally:
        api.stop()
