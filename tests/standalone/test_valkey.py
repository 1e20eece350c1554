from pathlib import Path

import pytest
from redis import Redis

from standalone.valkey import DataInUse, EmbeddedValkey, ValkeyDidNotStart


def test_it_answers_and_stops(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path)
    server.start()
    with Redis.from_url(server.url) as client:
        assert client.set("a", 1)
    server.stop()
    with pytest.raises(Exception, match=r"valkey\.sock"), Redis.from_url(server.url) as client:
        client.ping()


def test_data_survives_a_kill(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path, data=tmp_path / "data")
    server.start()
    with Redis.from_url(server.url) as client:
        client.set("a", "kept")
    server.kill()
    server.start()
    with Redis.from_url(server.url) as client:
        assert client.get("a") == b"kept"
    server.stop()


def test_the_folder_of_the_data_is_locked_while_the_server_lives(tmp_path: Path) -> None:
    server, other = (EmbeddedValkey(tmp_path, data=tmp_path / "data") for _ in range(2))
    server.start()
    with pytest.raises(DataInUse, match="is in use"):
        other.start()
    server.stop()
    other.start()
    other.stop()


def test_two_run_beside_each_other(tmp_path: Path) -> None:
    servers = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        servers.append(EmbeddedValkey(tmp_path / name))
        servers[-1].start()
    assert servers[0].pid != servers[1].pid
    for server in servers:
        server.stop()


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises((OSError, ValkeyDidNotStart)):
        EmbeddedValkey(tmp_path / "missing").start()
