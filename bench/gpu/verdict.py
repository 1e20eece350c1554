"""Whether two workers keep the GPU busy, or else the cores that decode."""

import re
from collections.abc import Iterable, Iterator

from bench.gpu.figure import Figure

TARGET = 0.8
FORWARD = re.compile(r"stock forward, best, ")
DECODE = re.compile(r"decode and resize, ")
SERVICE = re.compile(r"2 workers, .*, images/s$")


def verdicts(figures: Iterable[Figure]) -> Iterator[str]:
    """A line for each model that was measured: the best rate of the service against its limits."""
    found = list(figures)
    decode = _best(found, DECODE, "")
    for model in dict.fromkeys(figure.model for figure in found if figure.model):
        forward, service = _best(found, FORWARD, model), _best(found, SERVICE, model)
        if not (decode and forward and service):
            continue
        share = service / min(forward, decode)
        bound = "decoding" if decode < forward else "forward pass"
        word = "reached" if share >= TARGET else "MISSED"
        yield (
            f"{model}: {service:,.0f} images/s with two workers, {share:.2f} of {bound} alone"
            f" ({min(forward, decode):,.0f}); target {TARGET}: {word}"
        )


def _best(figures: Iterable[Figure], what: re.Pattern[str], model: str) -> float:
    values = [
        figure.value
        for figure in figures
        if figure.model == model and what.match(figure.what) and not isinstance(figure.value, str)
    ]
    return max(values, default=0.0)
