"""How this process uses the cores: set before torch is loaded."""

import os


def let_waiting_threads_sleep() -> None:
    """Make OpenMP's threads sleep while they wait for each other, unless the user chose otherwise.

    By default they spin, on cores that could decode images meanwhile.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
