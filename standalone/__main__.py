"""`python -m standalone`: the whole service with one command, until Ctrl-C."""

import signal
import sys
from types import FrameType

import requests

from common.settings import read
from standalone.greeting import IMAGE, celery_line, next_steps, rank_sample
from standalone.progress import Progress
from standalone.service import Service, ServiceFailed, running
from standalone.settings import DEMO_IMAGE, DEMO_MODEL, StandaloneSettings

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""SIGINT is set too, because a shell makes background processes ignore it."""


def greet(service: Service, settings: StandaloneSettings) -> None:
    """Print a sample ranking, where the data is, and what to do next.

    An error does not stop the service.
    """
    try:
        ranking = rank_sample(service.url, DEMO_IMAGE, settings.own_key)
    except (requests.RequestException, OSError) as error:
        print(f"The sample could not be ranked: {error}", file=sys.stderr)
    else:
        default = settings.served[0]
        model = "the demo model" if default == str(DEMO_MODEL) else default
        print(f"\n{IMAGE} is, says {model}:\n\n{ranking}\n")
    print(where_data_is(service, settings))
    print(next_steps(service.url, needs_key=settings.own_key is not None), flush=True)


def where_data_is(service: Service, settings: StandaloneSettings) -> str:
    """Where the data is, whether it is kept, and how Celery's tools reach it."""
    if settings.has_own_redis:
        return "Jobs and label sets are in the Redis of CLIP_REDIS_URL. Ctrl-C stops the service.\n"
    kept = (
        f"are kept in {settings.data_folder}"
        if settings.data
        else "end with it; CLIP_DATA=FOLDER keeps them"
    )
    return f"""\
Ctrl-C stops the service. Jobs and label sets {kept}.
For Celery's tools and Flower, the Redis is an embedded Valkey:

  {celery_line(service.redis_url, settings.redis_prefix)}
"""


def interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Begin to stop. Further signals are ignored: they would leave processes behind."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> int:
    settings = read(StandaloneSettings)
    for number in STOPPING:
        signal.signal(number, interrupt)
    started = "a worker and the API" if settings.has_own_redis else "Valkey, a worker and the API"
    try:
        with running(settings) as service:
            progress = Progress(f"Starting {started}")
            service.wait_until_ready(progress)
            progress.done("ready")
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
