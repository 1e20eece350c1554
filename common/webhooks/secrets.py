"""The secrets that sign webhooks: checked when the process starts, never printed.

Their format is that of Standard Webhooks 1.0: `whsec_`, then base64 of 24 to 64 random bytes.
"""

import base64
import binascii
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, SecretStr
from pydantic_settings import NoDecode

PREFIX = "whsec_"
MIN_BYTES, MAX_BYTES = 24, 64


def key_of(secret: str) -> bytes:
    """The key that a secret encodes. Raises ValueError, without the secret in its message."""
    if not secret.startswith(PREFIX):
        raise ValueError(f"a secret starts with {PREFIX}")
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError(f"the part after {PREFIX} is not base64") from None
    if not MIN_BYTES <= len(key) <= MAX_BYTES:
        raise ValueError(f"a secret has {MIN_BYTES} to {MAX_BYTES} bytes")
    return key


def _given(value: object) -> object:
    if not isinstance(value, str):
        return value
    secrets = tuple(value.replace(",", " ").split())
    for secret in secrets:
        key_of(secret)
    return secrets


def _read(path: object) -> object:
    if not isinstance(path, str) or not path:
        return path or ()
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"the file cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ValueError("the file is not text") from None
    lines = [line.strip() for line in text.splitlines()]
    secrets = _given(" ".join(line for line in lines if not line.startswith("#")))
    if not secrets:
        raise ValueError("it contains no secret")
    return secrets


# One secret, or several during a rotation: every webhook is signed with each.
WebhookSecrets: TypeAlias = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_given)]
# Secrets in the file that the variable names, one per line.
WebhookSecretsFile: TypeAlias = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_read)]
