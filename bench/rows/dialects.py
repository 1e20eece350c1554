"""What other services' interfaces cost: the API's CPU time beyond that of our own routes."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from bench.bars import Verdict, at_most
from bench.contender import ended_in_the_end
from bench.figures import Sample, Series
from bench.images import THUMBNAIL, draw
from bench.load import ClosedLoop, NothingWorks
from bench.memory import can_tell
from bench.models import folder_of
from bench.profile import cpu_ms
from bench.rounds import interleaved
from bench.rows.row import Bench, Result
from bench.service import Plan, Service
from bench.wire import LABELS, post, post_form, ranking

TITLE = "other services' interfaces, everything cached; a second is one of the API's CPU time"
BAR = at_most(0.3, " ms")
REQUESTS = 25
"""In each turn: few, so that all routes have the same share of what else happens."""
TURNS = 10
"""Of each route in each round."""

JPEG = draw(THUMBNAIL, 0)
BLOB = base64.b64encode(JPEG).decode()
URI = f"data:image/jpeg;base64,{BLOB}"
TEXT = LABELS[0]
TEXTS = [{"text": label} for label in LABELS]
FORM, FIELDS = "/predict", {"entries": b'{"clip":{"visual":{}}}', "image": JPEG}

ENCODE, ENCODE_TEXT = "/encode, an image", "/encode, a text"
RANK, RANK_TEXT = "/rank, an image", "/rank, a text"
OURS: Mapping[str, object] = {
    ENCODE: [{"img_blob": BLOB}],
    ENCODE_TEXT: [{"text": TEXT}],
    RANK: ranking()(BLOB),
    RANK_TEXT: {"queries": [{"text": TEXT}], "candidates": TEXTS},
}
"""Our routes, and what they are asked."""
DIALECTS: Mapping[str, tuple[str, object]] = {
    "/v1/embeddings": (ENCODE, {"input": [{"image": BLOB}], "encoding_format": "base64"}),
    "/v2/embed": (ENCODE, {"images": [URI]}),
    "/v1/multimodalembeddings": (
        ENCODE,
        {"inputs": [{"content": [{"type": "image_base64", "image_base64": URI}]}]},
    ),
    "/vectorize": (ENCODE, {"images": [BLOB]}),
    "/clip/embed_image": (ENCODE, {"image": {"type": "base64", "value": BLOB}}),
    FORM: (ENCODE, FIELDS),
    "/hf": (ENCODE_TEXT, {"inputs": [TEXT]}),
    "/": (RANK, {"inputs": BLOB, "parameters": {"candidate_labels": LABELS}}),
    "/clip/compare": (
        RANK,
        {"subject": {"type": "base64", "value": BLOB}, "prompt": LABELS},
    ),
    "/v2/rerank": (RANK_TEXT, {"query": TEXT, "documents": LABELS}),
}
"""Other services' routes: what they are compared with, and what they are asked for the same."""


def run(bench: Bench) -> list[Result]:
    bench.progress.say("the CPU time of other services' interfaces")
    titles = {path: f"{path}: CPU time above {ours}" for path, (ours, _) in DIALECTS.items()}
    if not can_tell():
        missing = [Verdict(title, BAR, missing="needs Linux") for title in titles.values()]
        return [Result(TITLE, verdicts=missing)]
    service = bench.service(Plan(str(folder_of("demo"))))
    bodies = {**OURS, **{path: body for path, (_, body) in DIALECTS.items()}}
    turns = {name: partial(_turn, service, name, body) for name, body in bodies.items()}
    with ended_in_the_end({"service": service}):
        for turn in turns.values():
            turn()  # fills the cache
        taken = interleaved(turns, 1 if bench.options.fake else bench.options.rounds * TURNS)
    series = {name: Series(name, 1, samples) for name, samples in taken.items()}
    verdicts = [
        Verdict(titles[path], BAR, series[path].against(series[ours], _difference_ms))
        for path, (ours, _) in DIALECTS.items()
    ]
    return [Result(TITLE, list(series.values()), verdicts)]


def _turn(service: Service, name: str, body: object) -> Sample:
    """Ask for the same several times. The seconds of the sample are CPU time of the API."""
    address = replace(service.address, path=name.partition(",")[0])
    request = post_form(address, FIELDS) if name == FORM else post(address, body)
    before = _cpu_s(service)
    sample = ClosedLoop(address, lambda: request, 1).run_count(REQUESTS)
    if sample.failed:
        raise NothingWorks(f"{name}: {sample.errors}")
    return replace(sample, seconds=_cpu_s(service) - before)


def _cpu_s(service: Service) -> float:
    return sum(cpu_ms(service.pids["api"]).values()) / 1000


def _difference_ms(mine: Sample, its: Sample) -> float:
    return 1000 * (1 / mine.rate - 1 / its.rate)
