"""`python -m standalone`: the whole service with one command, until Ctrl-C."""

import itertools
import signal
import sys
import time
from types import FrameType

import requests

from common.settings import read
from standalone.greeting import curl_line, rank_sample
from standalone.service import Service, ServiceFailed, running
from standalone.settings import DEMO_IMAGE, DEMO_MODEL, ROOT, StandaloneSettings

SPINNER = "|/-\\"


class Progress:
    """A progress line, on a terminal only."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._started = time.monotonic()
        self._frames = itertools.cycle(SPINNER)
        self._is_live = sys.stdout.isatty()
        if not self._is_live:
            print(f"{what} …", flush=True)

    def tick(self) -> None:
        if self._is_live:
            passed = time.monotonic() - self._started
            print(f"\r{next(self._frames)} {self._what} … {passed:.0f} s ", end="", flush=True)

    def done(self) -> None:
        passed = time.monotonic() - self._started
        print(f"{chr(13) if self._is_live else ''}{self._what}: ready after {passed:.1f} s")


def greet(service: Service, settings: StandaloneSettings) -> None:
    """Print a sample ranking and the curl command for it; an error does not stop the service."""
    image = DEMO_IMAGE.relative_to(ROOT)
    try:
        ranking = rank_sample(service.url, DEMO_IMAGE, settings.own_key)
    except (requests.RequestException, OSError) as error:
        print(f"The sample could not be ranked: {error}", file=sys.stderr)
    else:
        default = settings.served[0]
        model = "the demo model" if default == str(DEMO_MODEL) else default
        print(f"\n{image} is, says {model}:\n\n{ranking}\n")
        command = curl_line(service.url, image, needs_key=settings.own_key is not None)
        print(f"With curl:\n\n  {command}\n")
    print(f"Serving on {service.url} (press Ctrl-C to stop)", flush=True)


def interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    settings = read(StandaloneSettings)
    # SIGINT too: a shell makes background processes ignore it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        with running(settings) as service:
            progress = Progress("Starting Valkey, a worker and the API")
            service.wait_until_ready(progress.tick)
            progress.done()
            greet(service, settings)
            service.watch()
    except ServiceFailed as error:
        print(f"\nThe service stopped: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
