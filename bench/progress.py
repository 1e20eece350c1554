"""Progress of a run, one line per step."""

import time

from bench.figures import Sample


class Progress:
    """Prints as things happen; each line begins with the minutes and seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def say(self, what: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        print(f"{minutes:3}:{seconds:02}  {what}", flush=True)

    def sample(self, name: str, connections: int, sample: Sample) -> None:
        failed = f"  {sample.failed} FAILED: {sample.errors}" if sample.failed else ""
        self.say(
            f"  {name:<16} {connections:>4} conn. {sample.rate:8.1f}/s"
            f"   p50 {sample.latency_ms(0.5):8.1f} ms   p99 {sample.latency_ms(0.99):8.1f} ms"
            f"   generator {sample.generator_share:5.1%}{failed}"
        )
