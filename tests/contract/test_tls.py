"""Redis behind TLS: `rediss://` for the API, the worker's ledger and the worker's broker alike."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from common.protocol.celery_app import make_celery
from common.redis import connection
from tests.faults.test_single_faults import grey, rank_body
from tests.processes import start, start_api, wait_for_workers
from tests.tls_redis import TlsRedis, tls_redis

Ask: TypeAlias = Callable[[str], object]
REFUSED = (RedisError, OperationalError)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsRedis]:
    with tls_redis(tmp_path_factory.mktemp("t")) as running:
        if running is None:
            pytest.skip("no redis-server or valkey-server with TLS is installed")
        yield running


def ask_broker(url: str) -> object:
    """What the worker's broker connection says."""
    with make_celery(url, socket_timeout_s=5).connection_for_read() as broker:
        return broker.default_channel.client.ping()  # type: ignore[attr-defined]


def ask_ledger(url: str) -> object:
    with connection.fail_fast(url, max_connections=1) as client:
        return client.ping()


@pytest.mark.parametrize("ask", [ask_broker, ask_ledger])
class TestConnections:
    def test_a_server_of_a_known_authority_is_spoken_to(self, server: TlsRedis, ask: Ask) -> None:
        assert ask(server.url())

    def test_a_server_of_an_unknown_authority_is_not(self, server: TlsRedis, ask: Ask) -> None:
        with pytest.raises(REFUSED, match="CERTIFICATE_VERIFY_FAILED"):
            ask(server.url(trusted=False))

    def test_a_server_of_another_name_is_not(self, server: TlsRedis, ask: Ask) -> None:
        with pytest.raises(REFUSED, match="CERTIFICATE_VERIFY_FAILED"):
            ask(server.url("127.0.0.1"))


def test_the_service_runs_over_tls(server: TlsRedis, tmp_path: Path) -> None:
    api = start_api(tmp_path, server.url())
    worker = start(
        ["-m", "tests.faults.worker"], tmp_path, {"redis_url": server.url(), "batch_size": 8}
    )
    try:
        wait_for_workers(api, [worker])
        for path in ("/rank", "/rank?wait=0"):
            answer = api.post(path, rank_body(grey(1)))
            assert answer.ok, answer.text
        done = api.get(f"{answer.headers['Location']}?wait=20").json()
        assert done["status"] == "done"
    finally:
        api.stop()
        assert worker.stop() == 0
    assert "insecure" not in worker.log
