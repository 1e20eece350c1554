"""The exit codes of errors."""

from clip_api_client.errors import ClipError, ItemError, RateLimited, RequestError, Unauthorized

FINE = 0
SOME_FAILED = 1
WRONG_REQUEST = 2
NO_SERVICE = 3
INTERRUPTED = 130
BROKEN_PIPE = 141

SUCCESS = "  0  success\n"
IMAGES = "  1  some images failed; standard error names them\n"
ERRORS = """\
  2  the command or the request is not valid
  3  the service does not answer, or refuses the request
"""
EPILOG = f"exit codes:\n{SUCCESS}{IMAGES}{ERRORS}"
EPILOG_WITHOUT_IMAGES = f"exit codes:\n{SUCCESS}{ERRORS}"


def code_of(error: ClipError) -> int:
    is_refused = isinstance(error, Unauthorized | RateLimited)
    is_ours = isinstance(error, RequestError | ItemError) and not is_refused
    return WRONG_REQUEST if is_ours else NO_SERVICE


class UsageError(Exception):
    """The command is not valid; the message says why."""
