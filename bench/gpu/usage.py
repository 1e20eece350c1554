"""What is busy while the service is measured: cores, threads, the card, and its batches."""

import os
import subprocess
import urllib.request
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from bench.memory import descendants

TICKS = os.sysconf("SC_CLK_TCK")
STAGES = (
    "clip_batch_seconds",
    "clip_queue_seconds",
    "clip_decode_seconds",
    "clip_inference_seconds",
)


def cpu_s(pid: int) -> float:
    """Of a process and all that come from it."""
    return sum(_cpu_s(Path(f"/proc/{each}/stat")) for each in descendants(pid))


def threads_s(pid: int) -> Counter[str]:
    """CPU seconds of each thread of one process."""
    paths = Path(f"/proc/{pid}/task").glob("*/stat")
    return Counter({path.parent.name: _cpu_s(path) for path in paths})


def _cpu_s(path: Path) -> float:
    try:
        _, _, rest = path.read_text().rpartition(")")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    fields = rest.split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class CardWatch:
    """Asks nvidia-smi several times a second how busy the card is."""

    def __init__(self, device: str) -> None:
        self._process: subprocess.Popen[str] | None = None
        if device != "cpu":
            what = "--query-gpu=utilization.gpu,memory.used,power.draw"
            self._process = subprocess.Popen(
                ["nvidia-smi", what, "--format=csv,noheader,nounits", "-lms", "200"],
                stdout=subprocess.PIPE,
                text=True,
            )

    def stop(self) -> dict[str, float]:
        """Means of what was seen."""
        if self._process is None:
            return {}
        self._process.terminate()
        said, _ = self._process.communicate()
        rows = [line.split(",") for line in said.splitlines() if line.count(",") == 2]  # noqa: PLR2004
        seen = [[float(word) for word in row] for row in rows if "N/A" not in "".join(row)]
        if not seen:
            return {}
        names = ("GPU busy, %", "GPU memory, MiB", "GPU power, W")
        return {name: sum(row[at] for row in seen) / len(seen) for at, name in enumerate(names)}


def scraped(port: int) -> dict[str, float]:
    """Sums and counts that a worker tells of its images."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels.get("kind", "image") == "image"
        and sample.name.endswith(("_sum", "_count"))
    }


def means(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Of each stage, in ms, and of the size of a batch, in between."""

    def mean(name: str) -> float:
        count = after[f"{name}_count"] - before[f"{name}_count"]
        total = after[f"{name}_sum"] - before[f"{name}_sum"]
        return total / count if count else 0.0

    found = {
        f"{name.removeprefix('clip_').removesuffix('_seconds')}, ms": 1000 * mean(name)
        for name in STAGES
    }
    return {"images in a batch": mean("clip_batch_items"), **found}
