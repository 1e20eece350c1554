"""Options that several commands have, and the types of their values."""

import argparse
import math
import sys
from contextlib import suppress
from typing import Any, Protocol, get_args

from clip_api_client.cli.parsing import Parser
from clip_api_client.jobs import NO_NAMES
from clip_api_client.queries import Alpha
from clip_api_client.settings import Settings
from clip_api_client.transport import without_secrets

TIMEOUT_S = 300.0


class Container(Protocol):
    """A parser, or one of its groups."""

    def add_argument(self, *names: str, **settings: Any) -> argparse.Action:  # noqa: ANN401 - argparse's
        """Define an argument."""


def service_options(settings: Settings) -> Parser:
    """A parser to inherit from: how to reach the service. The settings are the defaults."""
    shared = Parser(add_help=False)
    shown = without_secrets(settings.url).replace("%", "%%")
    group = shared.add_argument_group("service")
    group.add_argument(
        "--url",
        default=settings.url,
        help=f"its URL, such as localhost:3000 (CLIP_API_URL; now {shown})",
    )
    group.add_argument(
        "--api-key",
        default=settings.api_key,
        metavar="KEY",
        help="prefer CLIP_API_KEY, which does not appear in the list of processes",
    )
    group.add_argument(
        "--timeout",
        type=positive,
        default=TIMEOUT_S,
        metavar="S",
        help="timeout of a request in seconds, retries included (%(default)g)",
    )
    group.add_argument(
        "--retries",
        type=whole,
        metavar="N",
        help="failures that a request tolerates (any number until the timeout)",
    )
    group.add_argument(
        "-q", "--quiet", action="store_true", help="no progress and no summary, only errors"
    )
    return shared


def add_files(command: Parser) -> None:
    command.add_argument(
        "files", nargs="*", metavar="IMAGE", help="a file, a folder, a URL, or - (standard input)"
    )
    command.add_argument(
        "--files-from", metavar="FILE", help="a file with more images, one per line, or -"
    )


def add_labels(group: Container) -> None:
    group.add_argument(
        "-l",
        "--labels",
        action="append",
        default=[],
        metavar="A,B",
        help='separated by commas, such as "t-shirt, jeans, dress"',
    )
    group.add_argument(
        "--label", action="append", default=[], metavar="A", help="one label, which may have commas"
    )
    group.add_argument(
        "--labels-file", action="append", default=[], metavar="FILE", help="one per line, or -"
    )


def add_templates(group: Container) -> None:
    group.add_argument(
        "--template",
        action="append",
        default=[],
        metavar="T",
        help='such as "a photo of a {}"; several are averaged',
    )


def add_alpha(group: Container) -> None:
    group.add_argument(
        "--alpha",
        choices=get_args(Alpha),
        help="what transparent images are put on (the service's default)",
    )


def add_formats(command: Parser) -> Container:
    formats = command.add_mutually_exclusive_group()
    formats.add_argument(
        "--json",
        dest="format",
        action="store_const",
        const="json",
        help="one JSON object per line",
    )
    return formats


def add_csv(formats: Container) -> None:
    formats.add_argument(
        "--csv",
        dest="format",
        action="store_const",
        const="csv",
        help="comma-separated, with a header",
    )


def positive(text: str) -> float:
    with suppress(ValueError):
        if (number := float(text)) > 0 and math.isfinite(number):
            return number
    raise argparse.ArgumentTypeError("must be a number above 0")


def name(text: str) -> str:
    """The ID of a job or the name of a label set."""
    if text in NO_NAMES:
        raise argparse.ArgumentTypeError(f"{text!r} cannot be an ID or a name")
    return text


def whole(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError("must be a whole number, 0 or more")
    return min(int(text), sys.maxsize)


def top(text: str) -> int:
    """A number of labels; 0 for all."""
    if text == "all":
        return 0
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError("must be a number above 0, or `all`")
    return int(text)


def pair(text: str) -> tuple[str, str]:
    """KEY=VALUE; the value may contain further equals signs."""
    key, sign, value = text.partition("=")
    if not key or not sign:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE, such as batch=7")
    return key, value
