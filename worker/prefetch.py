"""Download a model into the cache, for workers that start without access to the hub.

Reads CLIP_MODEL, CLIP_REVISION and CLIP_ALLOW_PICKLE from the environment, as a worker does. The
cache is that of the Hugging Face libraries: HF_HOME. A worker with the same model and revision
finds the files there; with HF_HUB_OFFLINE=1 it does not contact the hub at all.
"""

import argparse
import sys

from common import logs
from common.settings import read, without_prefix
from worker.model.load_errors import ModelLoadError
from worker.model.source import Source
from worker.settings import WorkerSettings


def main() -> int:
    settings = read(WorkerSettings)
    logs.configure("prefetch", settings.log_level, settings.log_format)
    parser = argparse.ArgumentParser(
        prog="python -m worker.prefetch",
        description=__doc__,
        epilog="Exits with 0; with 78 if the model cannot be loaded; with 75 if a retry may help.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "model",
        nargs="?",
        type=without_prefix,
        default=settings.model,
        help="name on the hub (%(default)s)",
    )
    parser.add_argument(
        "--revision", default=settings.revision, help="branch, tag or commit (%(default)s)"
    )
    wanted = parser.parse_args()
    try:
        fetched = Source(wanted.model, wanted.revision, settings.allow_pickle).fetch()
    except ModelLoadError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_code
    print(f"{wanted.model} at {fetched.revision} is in {fetched.folder}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
