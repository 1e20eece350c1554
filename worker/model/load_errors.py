"""Why a model cannot be loaded, in one sentence, and whether a retry may help."""

import errno
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from httpx2 import HTTPError
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from worker.model.device_errors import device_error
from worker.model.encoder import DeviceFailed

log = structlog.get_logger()

KNOWN = {
    GatedRepoError: "it is gated: ask for access on its page on the hub, and set HF_TOKEN",
    RepositoryNotFoundError: (
        "there is no such folder, and no such model on the hub (or HF_TOKEN may not see it)"
    ),
    RevisionNotFoundError: "it has no such revision; see CLIP_REVISION",
    HFValidationError: "there is no such folder, and no model on the hub can have that name",
}
"""The first match counts, because GatedRepoError is a subclass of RepositoryNotFoundError."""
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
TRY_AGAIN = {408, 429}
MAX_CHARS = 400


class ModelLoadError(Exception):
    """The model cannot be loaded, and a retry will not help; the message says why."""

    exit_code = os.EX_CONFIG  # 78


class ModelUnavailable(ModelLoadError):
    """The model cannot be loaded now; a retry may help."""

    exit_code = os.EX_TEMPFAIL  # 75


class DeviceUnusable(ModelLoadError):
    """The device fails; a retry helps once the device works."""

    exit_code = os.EX_IOERR  # 74


@contextmanager
def load_errors(name: str, part: str = "") -> Iterator[None]:
    """Raise every error as a ModelLoadError; `part` is the part of the model being loaded.

    Broken files make libraries raise anything, even a bare `Exception`.
    """
    try:
        yield
    except Exception as error:
        # As text, because a traceback with local variables would reveal HF_TOKEN.
        log.debug("model_refused", traceback=traceback.format_exc())
        failure = device_error(error)
        if isinstance(failure, DeviceFailed):
            raise DeviceUnusable(f"cannot load {name}: the device failed ({failure})") from error
        kind, reason = _judge(error, part)
        raise kind(f"cannot load {name}: {reason}") from error


def _judge(error: Exception, part: str) -> tuple[type[ModelLoadError], str]:
    for known, reason in KNOWN.items():
        if isinstance(error, known):
            return ModelLoadError, reason
    if isinstance(error, ModelLoadError):
        return type(error), str(error)
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return ModelUnavailable, "the disk of the cache is full"
    if isinstance(error, LocalEntryNotFoundError | HTTPError):
        return _judge_hub(error)
    words = " ".join(str(error).split())
    if "trust_remote_code" in words:
        return ModelLoadError, "it needs code of its own, which is never run"
    described = f"{type(error).__name__}: {words[:MAX_CHARS]}"
    return ModelLoadError, f"its {part} cannot be used ({described})" if part else described


def _judge_hub(error: Exception) -> tuple[type[ModelLoadError], str]:
    cause = error.__cause__ if isinstance(error, LocalEntryNotFoundError) else error
    if isinstance(cause, OfflineModeIsEnabled):
        return ModelLoadError, "not all of it is in the cache, and HF_HUB_OFFLINE is set"
    if isinstance(cause, HfHubHTTPError):
        status = cause.response.status_code
        is_passing = status >= 500 or status in TRY_AGAIN  # noqa: PLR2004
        kind = ModelUnavailable if is_passing else ModelLoadError
        return kind, f"not all of it is in the cache, and the hub answers with status {status}"
    return ModelUnavailable, f"not all of it is in the cache, and the hub is out of reach ({cause})"
