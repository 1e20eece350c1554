"""`python -m worker.prefetch MODEL`: fill the cache, for images that must start without the hub."""

import argparse
import sys

from common.settings import read
from worker.checkpoint import Source, UnsuitableModel
from worker.lifecycle import EXIT_UNSUITABLE_MODEL
from worker.settings import WorkerSettings


def main() -> int:
    settings = read(WorkerSettings)
    parser = argparse.ArgumentParser(prog="python -m worker.prefetch", description=__doc__)
    parser.add_argument("model", nargs="?", default=settings.model)
    parser.add_argument("--revision", default=settings.revision)
    wanted = parser.parse_args()
    try:
        folder, revision = Source(wanted.model, wanted.revision, settings.allow_pickle).fetch()
    except UnsuitableModel as error:
        print(error, file=sys.stderr)  # noqa: T201
        return EXIT_UNSUITABLE_MODEL
    print(f"{wanted.model} at {revision} is in {folder}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
