"""CPU time of an image by process and step: `python -m bench.profile --dtype int8`.

The time of each thread is the system's own count; its distribution over steps is what py-spy
samples of that thread. It needs Linux, py-spy, and the right to look into processes.
"""

import argparse
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import steps
from bench.contender import ended_in_the_end
from bench.memory import descendants
from bench.models import folder_of
from bench.options import DTYPES, MODELS
from bench.report import table
from bench.rows.throughput import KINDS
from bench.service import Plan, Service

RECORDER = "py-spy record --format raw --rate 40 --nonblocking --subprocesses --threads"
STEPS = {"worker 1": steps.WORKER, "api": steps.API}

Rows = list[tuple[str, str, str]]


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser("bench.profile")
    parser.add_argument("--model", choices=MODELS, default="vit-b-32")
    parser.add_argument("--dtype", choices=DTYPES, default="float32")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--images", type=int, default=600)
    given = parser.parse_args(words)
    plan = Plan(
        str(folder_of(given.model)),
        kind=KINDS[given.model],
        environment={"CLIP_DTYPE": given.dtype},
    )
    with tempfile.TemporaryDirectory(prefix="bench-logs-") as name:
        service = Service(plan, Path(name))
        with ended_in_the_end({"service": service}):
            service.loop(given.connections).run_count(given.images // 4)  # labels are known then
            rows = profile(service, given.connections, given.images, Path(name))
    print(table(("process", "step", "core-ms an image"), rows))


def profile(service: Service, connections: int, images: int, folder: Path) -> Rows:
    """Core-milliseconds an image, of each process and of its steps."""
    paths = {name: folder / f"{name}.stacks" for name in STEPS}
    recorders = [_record(service.pids[name], path) for name, path in paths.items()]
    before = {name: cpu_ms(pid) for name, pid in service.pids.items()}
    service.loop(connections).run_count(images)
    spent = {
        name: {thread: ms - before[name].get(thread, 0) for thread, ms in cpu_ms(pid).items()}
        for name, pid in service.pids.items()
    }
    for recorder in recorders:
        recorder.send_signal(signal.SIGINT)
        recorder.wait()
    rows: Rows = []
    for name, by_thread in spent.items():
        rows.append((name, "all", f"{sum(by_thread.values()) / images:.2f}"))
        if name in paths:
            stacks = paths[name].read_text().splitlines()
            found = steps.by_step(stacks, by_thread, STEPS[name])
            rows += [("", step, f"{ms / images:.2f}") for step, ms in found.items()]
    return rows


def _record(pid: int, path: Path) -> subprocess.Popen[bytes]:
    command = [*RECORDER.split(), "--pid", str(pid), "--output", str(path)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def cpu_ms(pid: int) -> dict[int, float]:
    """Of each thread of a process and its descendants."""
    return {
        int(path.parent.name): int(path.read_text().split()[0]) / 1e6
        for each in descendants(pid)
        for path in Path(f"/proc/{each}/task").glob("*/schedstat")
    }


if __name__ == "__main__":
    main()
