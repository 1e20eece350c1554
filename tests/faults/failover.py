"""Two Redis servers, of which the second can take over."""

from pathlib import Path

from redis import Redis

from standalone.valkey import EmbeddedValkey
from tests.processes import free_port, wait_until


class Pair:
    """Two servers, the second a replica of the first, and an address that leads to the primary."""

    def __init__(self, folder: Path) -> None:
        self._link = folder / "primary.sock"
        self._servers = [
            EmbeddedValkey(folder / name, data=folder / name) for name in ("first", "second")
        ]
        for name in ("first", "second"):
            (folder / name).mkdir()

    @property
    def url(self) -> str:
        return f"unix://{self._link}"

    @property
    def pid(self) -> int:
        return self._servers[0].pid

    def start(self) -> None:
        """Start both, and wait until the second has all that the first has."""
        for server in self._servers:
            server.start()
            with Redis.from_url(server.url) as redis:
                redis.config_set("port", free_port())
                redis.config_set("repl-diskless-sync-delay", 0)
        first, second = self._servers
        with Redis.from_url(first.url) as old, Redis.from_url(second.url) as new:
            new.replicaof("127.0.0.1", old.config_get("port")["port"])
            wait_until(lambda: new.info()["master_link_status"] == "up", "it replicates")
        self._lead_to(first)

    def fail_over(self) -> None:
        """Have the second take over; the first becomes its replica and keeps all its connections.

        It is coordinated: what the first has accepted, the second has. A replica that is promoted
        by force lacks the last writes, and no service on top can know them.
        """
        first, second = self._servers
        with Redis.from_url(first.url) as old, Redis.from_url(second.url) as new:
            self._lead_to(second)
            old.execute_command("FAILOVER", "TO", "127.0.0.1", new.config_get("port")["port"])
            wait_until(lambda: new.info("replication")["role"] == "master", "it has taken over")

    def stop(self) -> None:
        for server in self._servers:
            server.stop()

    def kill(self) -> None:
        for server in self._servers:
            server.kill()

    def _lead_to(self, server: EmbeddedValkey) -> None:
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(server.url.removeprefix("unix://"))
