"""Ask a running service everything that its OpenAPI document allows, and much that it does not.

    python -m tests.fuzz.http --examples 5000

All checks of schemathesis are on, in all its phases; no answer may fail one.
"""

import argparse
import hashlib
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlencode

import requests
import schemathesis
from schemathesis import engine
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.generation.case import Case
from schemathesis.hooks import HookContext

from api.openapi.document import DIALECTS
from api.request.data_uris import decode_blob, is_data_uri
from api.request.multipart import MULTIPART
from api.request.options import MAX_KEY_LENGTH
from common.errors import InvalidBase64
from common.label_sets.store import NAME_IN_FULL
from common.protocol.messages import HOLE, Alpha
from common.urls import AROUND
from standalone.valkey import EmbeddedValkey
from tests.image_server import ImageServer
from tests.images import blob, encoded, noise
from tests.processes import (
    DEMO_MODEL,
    Api,
    Process,
    start_api,
    start_worker,
    wait_for_workers,
)

KEY = "fuzzing-0123456789"
LONGEST_TEXT = 64
# Small, so that requests at the limits and beyond are among the examples.
MOST = 4
LIMITS = {
    "max_queries": MOST,
    "max_async_queries": MOST,
    "max_candidates": MOST,
    "max_text_chars": LONGEST_TEXT,
    "sync_timeout_s": 20,
    "api_keys": KEY,
}
AS_CALLER = {"X-API-Key": KEY}
# Of an operation in a round, which makes some 1,500 requests in all; rounds differ in their seeds.
EXAMPLES_EACH = 60
LABEL_SET = "fuzzed"
METADATA = '{"album": "summer"}'
FIELDS_OF_JSON = {
    "metadata": METADATA,
    "queries": '[{"text": "a"}]',
    "candidates": '["a", {"text": "b"}]',
    "templates": '["a {}", "{}"]',
    "items": '[{"text": "a"}]',
}
FIELDS_OF_LIST = (("queries", "image"), ("candidates", "candidate"), ("items", "image", "text"))
AROUND_HOLE = 4
LONGEST_LABEL = LONGEST_TEXT - 2 * AROUND_HOLE
OF_METHODS = ("allow_header_conformance", "unsupported_method")
OF_STRICT_SCHEMAS = ("negative_data_rejection", "positive_data_acceptance")
DOCUMENTED_5XX = (503, 504)
SHOWN = 20
LONGEST_QUERY = 3000


@dataclass
class Tally:
    """What was asked, and what came of it."""

    statuses: Counter[int | None] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return self.statuses.total()

    @property
    def undocumented_5xx(self) -> int:
        return sum(
            count
            for status, count in self.statuses.items()
            if status is not None and status >= 500 and status not in DOCUMENTED_5XX
        )

    def add(self, scenario: ScenarioRecorder) -> None:
        for interaction in scenario.interactions.values():
            response = interaction.response
            self.statuses[None if response is None else response.status_code] += 1
        for case, checks in scenario.checks.items():
            for check in checks:
                self.checks[check.name] += 1
                if check.failure_info is not None and not _is_moot(scenario, case, check.name):
                    told = check.failure_info.failure
                    self.failures.append(
                        f"{check.name}: {told.title}\n{told.message}\n"
                        f"{_exchange(scenario, case)}\n{check.failure_info.code_sample}"
                    )


def _is_moot(scenario: ScenarioRecorder, case: str, check: str) -> bool:
    """Whether a check asks what cannot be promised.

    A form has texts alone: what was of the wrong type before it was sent may be right there. And
    the interfaces of other services are as lenient as those, beyond what a schema can say. And
    the document leaves out that GET / is a page.
    """
    value = scenario.cases[case].value
    if value.path == "/" and check in OF_METHODS:
        return True
    if DIALECTS in value.operation.tags:
        return check in OF_STRICT_SCHEMAS
    return value.media_type == MULTIPART and check == "negative_data_rejection"


def _exchange(scenario: ScenarioRecorder, case: str) -> str:
    interaction = scenario.interactions.get(case)
    if interaction is None or interaction.response is None:
        return "no answer"
    return f"{interaction.response.status_code} {interaction.response.content[:500]!r}"


def fuzz(
    url: str, examples: int, image_url: str, seed: int = 1, each: int = EXAMPLES_EACH
) -> Tally:
    """Send at least so many requests to the service at this URL."""
    tally = Tally()
    labels = {"candidates": [{"text": "a"}, {"text": "b"}]}
    answer = requests.put(
        f"{url}/label-sets/{LABEL_SET}", json=labels, headers=AS_CALLER, timeout=60
    )
    answer.raise_for_status()
    with _sensible_images_and_keys(image_url):
        while tally.requests < examples and not tally.failures:
            _run(url, seed, tally, each)
            seed += 1
    return tally


def _run(url: str, seed: int, tally: Tally, each: int) -> None:
    config = SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "continue-on-failure": True,
            "suppress-health-check": ["too_slow"],
            "request-timeout": 60,
            "auth": {"openapi": {"header": {"api_key": KEY}, "bearer": {"bearer": KEY}}},
            "generation": {"max-examples": each, "database": "none"},
        }
    )
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json", config=config)
    for event in engine.from_schema(schema).execute():
        match event:
            case events.ScenarioFinished():
                tally.add(event.recorder)
            case events.NonFatalError():
                tally.failures.append(f"{event.label}: {event.value!r}")
            case events.FatalError():
                raise event.exception
            case events.EngineFinished():
                tally.failures += [str(failure) for failure in event.failures]


@contextmanager
def _sensible_images_and_keys(image_url: str) -> Iterator[None]:
    """Say in valid requests what no JSON Schema can ask for.

    Texts in templates are short, a label set is one that is there, and what becomes of transparency
    is said in one place.

    Valid base64 becomes an image, and a web address that of one: of all that fits the patterns
    hardly anything would be one, and nothing may be asked of hosts outside. A model becomes the one
    that is served. An idempotency key becomes one of its request: with two it would be refused, as
    documented. A query that Gunicorn would find too long, and refuse in its own way, is left out.
    Schemathesis judges a case as valid or not anew after this.
    """
    files = [encoded(noise(8, 8, seed=seed)) for seed in range(4)]
    images = [blob(content)["img_blob"] for content in files]

    def amend(_: HookContext, case: Case[Any], __: dict[str, Any]) -> None:
        if case.media_type == MULTIPART and isinstance(case.body, dict):
            case.body = _with_files(case.body, files)
        if isinstance(case.body, (dict, list)):
            case.body = _with_images(case.body, images, image_url)
        case.query = _sensible_query(case.query, case.body)
        if isinstance(case.body, dict):
            case.body = _with_short_prompts(case.body)
            name = case.body.get("label_set")
            if isinstance(name, str) and NAME_IN_FULL.fullmatch(name):
                case.body["label_set"] = LABEL_SET
        key = case.headers.get("Idempotency-Key", "")
        if isinstance(key, str) and 0 < len(key) <= MAX_KEY_LENGTH:
            asked = [case.query.get(name) for name in ("model", "alpha", "metadata")]
            request = f"{case.path} {asked} {case.body!r} {key}"
            case.headers["Idempotency-Key"] = _digest(request) + key[64:]

    schemathesis.hook("before_call")(amend)
    try:
        yield
    finally:
        schemathesis.hooks.unregister(amend)


def _sensible_query(query: dict[str, Any], body: object) -> dict[str, Any]:
    if len(urlencode(query, doseq=True, errors="replace")) > LONGEST_QUERY:
        return {}
    sensible = {"model": DEMO_MODEL.name, "metadata": METADATA}
    query = {
        name: sensible.get(name, value) if isinstance(value, str) else value
        for name, value in query.items()
    }
    if isinstance(body, dict):
        if body.get("alpha") in get_args(Alpha):
            query.pop("alpha", None)
        if body.get("metadata") is not None:
            query.pop("metadata", None)
    return query


def _with_images(body: Any, images: list[str], image_url: str) -> Any:
    match body:
        case list():
            return [_with_images(each, images, image_url) for each in body]
        case dict():
            return {
                key: _amended(key, value, images, image_url)
                if isinstance(value, str)
                else _with_images(value, images, image_url)
                for key, value in body.items()
            }
    return body


def _with_files(form: dict[str, Any], files: list[bytes]) -> dict[str, Any]:
    """A form with images for its files, and JSON where it has a text that is to be some."""
    sensible = dict(form)
    if isinstance(form.get("image"), list):
        sensible["image"] = [files[at % len(files)] for at, _ in enumerate(form["image"])]
    sensible |= {
        name: value for name, value in FIELDS_OF_JSON.items() if isinstance(form.get(name), str)
    }
    for names in FIELDS_OF_LIST:
        lists = [name for name in names if isinstance(form.get(name), list)]
        if len(lists) + sum(isinstance(form.get(name), str) for name in names) > 1:
            sensible |= {name: sensible[name][:1] for name in lists if len(form[name]) <= MOST}
    return sensible


def _with_short_prompts(body: dict[Any, Any]) -> dict[Any, Any]:
    """The same, but that no valid text is too long once it stands in a valid template."""
    short = dict(body)
    if isinstance(short.get("template"), str):
        short["template"] = _short(short["template"])
    if isinstance(short.get("templates"), list):
        short["templates"] = [
            _short(each) if isinstance(each, str) else each for each in short["templates"]
        ]
    if {"template", "templates"} & set(short) and isinstance(short.get("candidates"), list):
        short["candidates"] = [
            {**each, "text": each["text"][:LONGEST_LABEL]}
            if isinstance(each, dict)
            and isinstance(each.get("text"), str)
            and len(each["text"]) <= LONGEST_TEXT
            else each
            for each in short["candidates"]
        ]
    return short


def _short(template: str) -> str:
    before, hole, after = template.partition(HOLE)
    if not hole or HOLE in after:
        return template
    return before[-AROUND_HOLE:] + HOLE + after[:AROUND_HOLE]


def _amended(key: object, value: str, images: list[str], image_url: str) -> str:
    if key == "img_uri" and value.strip(AROUND).lower().startswith(("http://", "https://")):
        return image_url
    if key == "model":
        return DEMO_MODEL.name
    if key == "img_blob" or (key == "img_uri" and is_data_uri(value)):
        try:
            content = decode_blob(value)
        except InvalidBase64:
            return value
        return images[len(content) % len(images)]
    return value


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def processes_of(process: Process) -> list[int]:
    """The ids of a process and of its children."""
    pid = process.popen.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def resident_mb(pids: list[int]) -> float:
    """The resident memory of processes together, in MB."""
    kilobytes = 0
    for pid in pids:
        status = Path(f"/proc/{pid}/status").read_text()
        kilobytes += int(status.partition("VmRSS:")[2].split()[0])
    return kilobytes / 1000


@contextmanager
def _service(folder: Path) -> Iterator[tuple[Api, Process]]:
    with ExitStack() as ending:
        valkey = EmbeddedValkey(folder)
        valkey.start()
        ending.callback(valkey.stop)
        worker = start_worker(folder, valkey.url, DEMO_MODEL)
        ending.callback(worker.stop)
        api = start_api(folder, valkey.url, **LIMITS)
        api.session.headers.update(AS_CALLER)
        ending.callback(api.stop)
        wait_for_workers(api, [worker])
        yield api, worker


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with (
        # Short: the name of a Unix socket may have 107 characters at most.
        tempfile.TemporaryDirectory(prefix="z") as folder,
        ImageServer().running() as server,
        _service(Path(folder)) as (api, worker),
    ):
        image_url = server.serve(encoded(noise(8, 8)))
        parts = {"API": api.process, "worker": worker}
        before = {name: processes_of(process) for name, process in parts.items()}
        memory = {name: resident_mb(pids) for name, pids in before.items()}
        tally = fuzz(api.url, chosen.examples, image_url, chosen.seed)
        after = {name: processes_of(process) for name, process in parts.items()}
        print(f"requests: {tally.requests}")
        print(f"answers by status: {dict(sorted(tally.statuses.items(), key=str))}")
        print(f"checks: {dict(tally.checks)}")
        print(f"failures: {len(tally.failures)}")
        print(f"undocumented 5xx: {tally.undocumented_5xx}")
        print(f"crashes: {sum(before[name] != after[name] for name in parts)}")
        for name, pids in after.items():
            print(f"memory of the {name}: {memory[name]:.0f} → {resident_mb(pids):.0f} MB")
    for failure in tally.failures[:SHOWN]:
        print(f"\n{failure}")
    return bool(tally.failures or tally.undocumented_5xx or before != after)


if __name__ == "__main__":
    sys.exit(main())
