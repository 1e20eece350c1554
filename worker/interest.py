"""Whether anybody still waits for a job: asked before work that costs something."""

import threading
import time

from common.jobs import Ledger

ASK_EVERY_S = 0.5


class NotWanted(Exception):
    """The job was cancelled, has expired, or is gone."""


class Interest:
    """The interest in one job. Asks the ledger now and then; safe in many threads."""

    def __init__(self, ledger: Ledger, job: str) -> None:
        self._ledger = ledger
        self._job = job
        self._wanted = True
        self._lock = threading.Lock()
        # Whoever creates it has just begun a part of the job, so it was wanted a moment ago.
        self._asked = time.monotonic()

    def check(self) -> None:
        """Raise NotWanted when nobody waits for the job any more."""
        with self._lock:
            if self._wanted and time.monotonic() - self._asked > ASK_EVERY_S:
                self._wanted = self._ledger.is_wanted(self._job)
                self._asked = time.monotonic()
        if not self._wanted:
            raise NotWanted
