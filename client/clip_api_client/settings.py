"""The environment variables of the command line."""

import os
from dataclasses import dataclass

from clip_api_client.client import DEFAULT_URL


@dataclass(frozen=True, slots=True)
class Settings:
    """CLIP_API_URL and CLIP_API_KEY, the defaults of options."""

    url: str
    api_key: str | None


def read() -> Settings:
    return Settings(
        os.environ.get("CLIP_API_URL") or DEFAULT_URL, os.environ.get("CLIP_API_KEY") or None
    )
