"""The command `clip-api`, also as `python -m clip_api_client`."""

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import NoReturn

from clip_api_client.cli import encode, evaluate, exits, jobs, label_sets, models, rank, serve
from clip_api_client.cli.arguments import command_line
from clip_api_client.cli.terminal import complain, prepare, tell_retry
from clip_api_client.client import Client
from clip_api_client.errors import ClipError
from clip_api_client.settings import read

COMMANDS = {
    "rank": rank.run,
    "encode": encode.run,
    "evaluate": evaluate.run,
    "jobs": jobs.run,
    "label-sets": label_sets.run,
    "models": models.run,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit code."""
    prepare()
    given = command_line(read()).parse(arguments)
    try:
        code = _run(given)
        sys.stdout.flush()
    except exits.UsageError as error:
        complain(str(error))
        return exits.WRONG_REQUEST
    except ClipError as error:
        complain(str(error))
        return exits.code_of(error)
    except BrokenPipeError:
        _end_at_once(exits.BROKEN_PIPE)
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        _end_at_once(exits.INTERRUPTED)
    return code


def _run(given: Namespace) -> int:
    if given.command == "serve":
        return serve.run(given)
    try:
        client = Client(
            given.url,
            given.api_key,
            timeout_s=given.timeout,
            retries=given.retries,
            on_retry=None if given.quiet else tell_retry,
        )
    except ValueError as error:
        raise exits.UsageError(str(error)) from error
    with client:
        return COMMANDS[given.command](given, client)


def _end_at_once(code: int) -> NoReturn:
    """Exit without waiting for threads that still wait for an answer."""
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
