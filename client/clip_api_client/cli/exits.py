"""The exit codes, and which error has which."""

from clip_api_client.errors import ClipError, RateLimited, RequestError, Unauthorized

FINE = 0
SOME_FAILED = 1
WRONG_REQUEST = 2
NO_SERVICE = 3
INTERRUPTED = 130
BROKEN_PIPE = 141

EPILOG = """\
exit codes:
  0  all is fine
  1  some images failed; standard error names them
  2  the command is wrong, or the service finds fault with what was asked for
  3  the service does not answer, or refuses
"""


def code_of(error: ClipError) -> int:
    is_ours = isinstance(error, RequestError) and not isinstance(error, Unauthorized | RateLimited)
    return WRONG_REQUEST if is_ours else NO_SERVICE


class UsageError(Exception):
    """The command is wrong; the message says how."""
