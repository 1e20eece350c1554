"""The requests whose answers are the examples of the OpenAPI document."""

import base64
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from tests.processes import SAMPLES

Answers = Mapping[str, dict[str, Any]]
"""What was answered before, by the name of the example."""


def small_image(name: str) -> str:
    """A sample image, small enough to be shown in base64."""
    with Image.open(SAMPLES / name) as image:
        small = image.convert("RGB").resize((48, 48)).quantize(8)
    buffer = io.BytesIO()
    small.save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


@dataclass(frozen=True)
class Call:
    """A request worth showing."""

    operation: str
    name: str
    summary: str
    asks: str
    body: Any = None
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    values: Callable[[Answers], Mapping[str, str]] = lambda _: {}
    with_key: bool = True
    with_redis: bool = True


BASE64 = small_image("sunglasses.png")
