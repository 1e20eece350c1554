"""Connections move to another server when theirs refuses writes."""

import shutil
import subprocess
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ReadOnlyError, RedisError

from common.redis import connection
from tests.processes import free_port, wait_until


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="no redis-server is installed")
def test_a_server_that_takes_no_more_writes_is_reconnected(tmp_path: Path) -> None:
    port = free_port()
    arguments = ["redis-server", "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    server = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with Redis(port=port) as admin:
            wait_until(lambda: _answers(admin), "the server answers")
            with connection.fail_fast(f"redis://127.0.0.1:{port}", max_connections=1) as client:
                client.set("a", 1)
                admin.replicaof("127.0.0.1", free_port())
                before = admin.info("stats")["total_connections_received"]
                with pytest.raises(ReadOnlyError):
                    client.set("a", 2)
                assert admin.info("stats")["total_connections_received"] > before
    finally:
        server.terminate()
        server.wait(10)


def _answers(admin: Redis) -> bool:
    try:
        return bool(admin.ping())
    except RedisError:
        return False
