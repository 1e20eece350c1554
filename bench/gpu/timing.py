"""How long something takes a device: each look at the clock waits for what is queued there."""

import time
from collections.abc import Callable

import torch

ENOUGH_S = 0.4
WARM = 3


def wait_for(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


def seconds_of(run: Callable[[], object], device: str, enough_s: float = ENOUGH_S) -> float:
    """The mean of as many runs as take `enough_s`, all queued before it is waited for."""
    for _ in range(WARM):
        run()
    wait_for(device)
    runs = 1
    while True:
        began = time.perf_counter()
        for _ in range(runs):
            run()
        wait_for(device)
        took = time.perf_counter() - began
        if took >= enough_s / 2:
            return took / runs
        runs = max(2 * runs, int(runs * enough_s / max(took, 1e-6)))


def median_seconds(run: Callable[[], object], device: str, runs: int = 30) -> float:
    """The latency of one run, each waited for before the next."""
    for _ in range(WARM):
        run()
    times = []
    for _ in range(runs):
        wait_for(device)
        began = time.perf_counter()
        run()
        wait_for(device)
        times.append(time.perf_counter() - began)
    return sorted(times)[runs // 2]
