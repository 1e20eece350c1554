"""The examples of the OpenAPI document, from a running service.

`python -m tests.contract.examples` updates them; `test_examples` compares them with the service.
"""

import base64
import json
import re
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from api.openapi.examples import PATH
from standalone.valkey import EmbeddedValkey
from tests.contract.calls import BASE64, Answers, Call
from tests.contract.dialect_examples import DIALECT_CALLS
from tests.processes import (
    DEMO_MODEL,
    free_port,
    start_api,
    start_worker,
    wait_for_workers,
)

KEY = "the-key-of-the-examples-0123"
DIGITS = 4


@dataclass(frozen=True)
class Urls:
    """Of the service, and of an API whose Redis is away."""

    service: str
    without_redis: str


def job_of(name: str) -> Callable[[Answers], Mapping[str, str]]:
    return lambda answers: {"job": answers[name]["id"]}


LABELS = [{"text": "sunglasses"}, {"text": "t-shirt"}, {"text": "pizza"}]
IMAGE = {"img_blob": BASE64}
NO_IMAGE = {"img_blob": base64.b64encode(b"no image").decode()}
LABEL_SET = {"name": "things"}
MANY = [{"text": f"thing number {number}"} for number in range(3000)]

CALLS = [
    Call(
        *("rank", "an_image", "An image against three labels"),
        "POST /rank",
        {"queries": [IMAGE], "candidates": LABELS},
    ),
    Call(
        *("rank", "the_best_two", "With a template, and with the best two"),
        "POST /rank",
        {
            "queries": [IMAGE],
            "candidates": LABELS,
            "template": "a picture of {}",
            "top_k": 2,
        },
    ),
    Call(
        *("rank", "no_image", "An item that is not an image"),
        "POST /rank",
        {"queries": [IMAGE, NO_IMAGE], "candidates": LABELS},
    ),
    Call(
        *("rank", "one_of_two", "The same with `allow_partial`: a row for the good one"),
        "POST /rank",
        {"queries": [IMAGE, NO_IMAGE], "candidates": LABELS, "allow_partial": True},
    ),
    Call(
        *("encode", "with_metadata", "With `wait=0`: a job, and metadata that comes back with it"),
        "POST /encode",
        [{"text": "jeans"}],
        query={"wait": 0, "metadata": '{"album": "summer"}'},
    ),
    Call(
        *("rank", "later", "With `Prefer: respond-async`: submit, leave, come back"),
        "POST /rank",
        {"queries": [IMAGE], "candidates": [{"text": "a cat"}, {"text": "a dog"}]},
        headers={"Prefer": "respond-async"},
    ),
    Call(
        *("encode", "two_items", "A text and an image"),
        "POST /encode",
        [{"text": "jeans"}, IMAGE],
    ),
    Call(
        *("encode", "no_image_either", "An item that is not an image"),
        "POST /encode",
        [{"text": "jeans"}, NO_IMAGE],
    ),
    Call(
        *("job", "done", "It is done"),
        "GET /jobs/{job}",
        query={"wait": 20},
        values=job_of("later"),
    ),
    Call(*("jobs", "newest", "The newest"), "GET /jobs", query={"limit": 1}),
    Call(
        *("cancel", "too_late", "It has ended already"),
        "POST /jobs/{job}/cancel",
        values=job_of("later"),
    ),
    Call(*("forget", "gone", "It is gone"), "DELETE /jobs/{job}", values=job_of("later")),
    Call(
        *("job", "unknown", "There is no such job"),
        "GET /jobs/{job}",
        values=job_of("later"),
    ),
    Call(
        *("put_label_set", "three_things", "Three labels in two templates"),
        "PUT /label-sets/{name}",
        {"candidates": LABELS, "templates": ["a drawing of {}", "a picture of {}"]},
        values=lambda _: LABEL_SET,
    ),
    Call(
        *("put_label_set", "the_same_again", "The same again changes nothing"),
        "PUT /label-sets/{name}",
        {"candidates": LABELS, "templates": ["a drawing of {}", "a picture of {}"]},
        values=lambda _: LABEL_SET,
    ),
    Call(
        *("put_label_set", "no_image_among_them", "An item that is not an image"),
        "PUT /label-sets/{name}",
        {"candidates": [*LABELS, NO_IMAGE]},
        values=lambda _: LABEL_SET,
    ),
    Call(
        *("rank", "by_name", "Against a label set"),
        "POST /rank",
        {"queries": [IMAGE], "label_set": "things"},
    ),
    Call(
        *("label_set", "things", "One of them"),
        "GET /label-sets/{name}",
        values=lambda _: LABEL_SET,
    ),
    Call(*("label_sets", "all", "All of them"), "GET /label-sets"),
    Call(
        *("forget_label_set", "forgotten", "It is gone"),
        "DELETE /label-sets/{name}",
        values=lambda _: LABEL_SET,
    ),
    Call(*("models", "one_model", "One model"), "GET /models"),
    Call(*("workers", "one_worker", "One worker"), "GET /workers"),
    Call(
        *("workers", "no_key", "Without a key, where keys are required"),
        "GET /workers",
        with_key=False,
    ),
    Call(*("metrics", "some_lines", "Some lines of it"), "GET /metrics"),
    Call(*("healthz", "alive", "It lives"), "GET /healthz"),
    Call(*("readyz", "ready", "It is ready"), "GET /readyz"),
    Call(*("readyz", "redis_away", "Redis does not answer"), "GET /readyz", with_redis=False),
    *DIALECT_CALLS,
    Call(*("", "many", "Much to do"), "POST /encode", MANY, query={"wait": 0}),
    Call(
        *("cancel", "in_time", "Ended before its time"),
        "POST /jobs/{job}/cancel",
        values=job_of("many"),
    ),
]


def rounded(value: Any) -> Any:
    """Numbers as one reads them."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, list):
        return [rounded(entry) for entry in value]
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    return value


def executed(urls: Urls, headers: list[set[str]] | None = None) -> list[dict[str, Any]]:
    """Ask all of a running service; the examples, as `api.openapi.examples` reads them.

    The names of the headers of each answer are added to `headers`.
    """
    answers: dict[str, dict[str, Any]] = {}
    examples = []
    for call in CALLS:
        values = call.values(answers)
        answer = ask(urls.service if call.with_redis else urls.without_redis, call, values)
        body = body_of(answer)
        if isinstance(body, dict):
            answers[call.name] = body
        example = {
            "operation": call.operation,
            "name": call.name,
            "summary": call.summary,
            "parameters": {**values, **call.query, **call.headers},
            "request": call.body,
            "status": answer.status_code,
            "answer": body,
        }
        if call.operation:
            examples.append(example)
            if headers is not None:
                headers.append({name.lower() for name in answer.headers})
    return examples


def body_of(answer: requests.Response) -> Any:
    """What is shown of a body; of metrics, which have hundreds of lines, a few."""
    if "json" in answer.headers.get("Content-Type", ""):
        return rounded(answer.json())
    return "".join(re.findall(r"^.*clip_open_items.*\n", answer.text, re.MULTILINE)) or None


def ask(url: str, call: Call, values: Mapping[str, str]) -> requests.Response:
    method, path = call.asks.split()
    key = {"X-API-Key": KEY} if call.with_key else {}
    return requests.request(
        method,
        url + path.format(**values),
        params=dict(call.query),
        headers={**call.headers, **key},
        json=call.body,
        timeout=60,
    )


@contextmanager
def service() -> Iterator[Urls]:
    """The service with the demo checkpoint."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = EmbeddedValkey(folder)
        server.start()
        worker = start_worker(folder, server.url, DEMO_MODEL, model_name="demo", fetch_allow="")
        api = start_api(folder, server.url, api_keys=KEY)
        alone = start_api(folder, f"redis://127.0.0.1:{free_port()}/0", api_keys=KEY)
        wait_for_workers(api, [worker])
        yield Urls(api.url, alone.url)
        alone.stop()
        api.stop()
        worker.stop()
        server.stop()


if __name__ == "__main__":
    with service() as urls:
        written = json.dumps(executed(urls), indent=1, ensure_ascii=False)
        PATH.write_text(written.replace(socket.gethostname(), "host") + "\n")
