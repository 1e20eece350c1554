"""The trusted certificate authorities: the public ones, and those of the operator."""

import ssl
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import certifi
import structlog
from urllib3.util import create_urllib3_context

log = structlog.get_logger()

ContextMaker: TypeAlias = Callable[[], ssl.SSLContext]


@dataclass(frozen=True, slots=True)
class NamedPath:
    """A file or folder of authorities, and the variable that names it."""

    variable: str
    path: Path


def trusting(authorities: Iterable[Path]) -> ssl.SSLContext:
    """A context that trusts these authorities: files (PEM), or folders prepared by `c_rehash`.

    Raises:
        OSError: one is missing, or contains no certificates.
    """
    context = create_urllib3_context()
    for path in authorities:
        if path.is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    return context


def public_authorities() -> Path:
    return Path(certifi.where())


def trusting_public_authorities() -> ssl.SSLContext:
    return trusting([public_authorities()])


def chosen(groups: Sequence[Sequence[NamedPath]]) -> list[Path]:
    """The paths of the first group that has a file, instead of the public authorities.

    A group of only folders adds to the public ones, as in OpenSSL. Unreadable paths are left out
    with a warning, because such variables are often set for other programs.
    """
    for group in groups:
        readable = [named.path for named in group if _is_readable(named)]
        if any(path.is_file() for path in readable):
            return readable
        if readable:
            return [public_authorities(), *readable]
    return [public_authorities()]


def _is_readable(named: NamedPath) -> bool:
    try:
        trusting([named.path])
    except OSError as error:
        log.warning(
            "authorities_ignored",
            variable=named.variable,
            path=str(named.path),
            error=str(error),
        )
        return False
    return True
