"""The arguments of the command line."""

import argparse
from importlib.metadata import PackageNotFoundError, version
from typing import get_args

from clip_api_client.candidates import Alpha
from clip_api_client.cli.exits import EPILOG
from clip_api_client.settings import Settings

RAW = argparse.RawDescriptionHelpFormatter
TIMEOUT_S, LISTED = 300.0, 20
STATES = ("queued", "running", "done", "failed", "cancelled", "expired")


def parser(settings: Settings) -> argparse.ArgumentParser:
    """The parser of the whole command; the settings are the defaults of its options."""
    whole = argparse.ArgumentParser(
        "clip-api",
        description="Rank texts against images with a CLIP API.",
        epilog=EPILOG,
        formatter_class=RAW,
    )
    whole.add_argument("--version", action="version", version=f"clip-api {_version()}")
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    service = _service(settings)
    _rank(
        commands.add_parser(
            "rank",
            parents=[service],
            help="rank labels for images",
            description="Rank labels for images, the most probable first.",
            epilog='example:\n  clip-api rank photos/*.jpg --labels "t-shirt, jeans"\n\n' + EPILOG,
            formatter_class=RAW,
        )
    )
    _encode(
        commands.add_parser(
            "encode",
            parents=[service],
            help="print embeddings of images and texts",
            description="Print the embeddings of images and texts, not normalised.",
            epilog="example:\n  clip-api encode photos --npy photos.npy\n\n" + EPILOG,
            formatter_class=RAW,
        )
    )
    _jobs(
        commands.add_parser(
            "jobs",
            help="list, show, cancel and delete jobs",
            description="List, show, wait for, cancel and delete asynchronous jobs.",
        ),
        service,
    )
    _serve(
        commands.add_parser(
            "serve",
            help="start the service on this machine",
            description="Start the whole service as `make run` does: Valkey, worker, API.\n"
            "It needs a checkout of the service. Settings are environment variables:\n"
            "CLIP_PORT, CLIP_MODEL and others.",
            formatter_class=RAW,
        )
    )
    return whole


def _service(settings: Settings) -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    group = shared.add_argument_group("service")
    group.add_argument(
        "--url", default=settings.url, help="its URL (CLIP_API_URL; now %(default)s)"
    )
    group.add_argument(
        "--api-key",
        default=settings.api_key,
        metavar="KEY",
        help="prefer CLIP_API_KEY, which does not appear in the list of processes",
    )
    group.add_argument(
        "--timeout",
        type=_positive,
        default=TIMEOUT_S,
        metavar="S",
        help="timeout of a request in seconds, retries included (%(default)g)",
    )
    group.add_argument(
        "--retries",
        type=int,
        metavar="N",
        help="failures that a request tolerates (any number until the timeout)",
    )
    group.add_argument("-q", "--quiet", action="store_true", help="no progress, only errors")
    return shared


def _files(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "files", nargs="*", metavar="IMAGE", help="a file, a folder, a URL, or - (standard input)"
    )
    command.add_argument(
        "--files-from", metavar="FILE", help="a file with more images, one per line, or -"
    )


def _formats(command: argparse.ArgumentParser) -> argparse._MutuallyExclusiveGroup:
    formats = command.add_mutually_exclusive_group()
    formats.add_argument(
        "--json",
        dest="format",
        action="store_const",
        const="json",
        help="one JSON object per line",
    )
    return formats


def _rank(command: argparse.ArgumentParser) -> None:
    _files(command)
    labels = command.add_argument_group("labels")
    labels.add_argument(
        "-l", "--labels", action="append", default=[], metavar="A,B", help="separated by commas"
    )
    labels.add_argument(
        "--label", action="append", default=[], metavar="A", help="one label, which may have commas"
    )
    labels.add_argument(
        "--labels-file", action="append", default=[], metavar="FILE", help="one per line"
    )
    labels.add_argument("--label-set", metavar="NAME", help="a label set on the service")
    labels.add_argument(
        "--template",
        action="append",
        default=[],
        metavar="T",
        help='such as "a photo of a {}"; several are averaged',
    )
    scoring = command.add_argument_group("scoring")
    scoring.add_argument("--model", help="the model, if the service has several")
    _alpha(scoring)
    scoring.add_argument("--temperature", type=_positive, metavar="X")
    scoring.add_argument("--activation", choices=("softmax", "sigmoid", "none"))
    output = command.add_argument_group("output")
    output.add_argument(
        "--top",
        type=_top,
        metavar="N",
        help="number of labels per image, or `all` (default on a terminal: 5, or 1 with many "
        "images; otherwise all)",
    )
    formats = _formats(command)
    formats.add_argument(
        "--csv",
        dest="format",
        action="store_const",
        const="csv",
        help="comma-separated, with a header",
    )


def _alpha(options: argparse._ActionsContainer) -> None:
    options.add_argument(
        "--alpha",
        choices=get_args(Alpha),
        help="what transparent images are put on (the service's default)",
    )


def _encode(command: argparse.ArgumentParser) -> None:
    _files(command)
    command.add_argument(
        "--text", action="append", default=[], metavar="T", help="a text; texts follow the images"
    )
    command.add_argument("--model", help="the model, if the service has several")
    _alpha(command)
    _formats(command).add_argument(
        "--npy",
        metavar="FILE",
        help="write a float32 array with a row for each input, in order; NaN for failed ones",
    )


def _jobs(command: argparse.ArgumentParser, service: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    listed = actions.add_parser("list", parents=[service], help="list jobs, the newest first")
    listed.add_argument("--status", choices=STATES)
    listed.add_argument("--limit", type=int, default=LISTED, metavar="N", help="(%(default)s)")
    _formats(listed)
    for name, words in (
        ("show", "show state, progress, errors and result of a job"),
        ("wait", "wait for a job, then show it"),
    ):
        shown = actions.add_parser(name, parents=[service], help=words)
        shown.add_argument("job", metavar="ID")
        _formats(shown)
    for name, words in (
        ("cancel", "cancel jobs"),
        ("delete", "cancel jobs if necessary, and delete their images and results"),
    ):
        ended = actions.add_parser(name, parents=[service], help=words)
        ended.add_argument("job", nargs="+", metavar="ID")


def _serve(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--checkout",
        metavar="FOLDER",
        help="the checkout of the service (default: the current folder or a parent)",
    )


def _positive(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return number


def _top(text: str) -> int:
    """A number of labels; 0 for all."""
    if text == "all":
        return 0
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError("must be a number above 0, or `all`")
    return int(text)


def _version() -> str:
    try:
        return version("clip-api-client")
    except PackageNotFoundError:
        return "(not installed)"
