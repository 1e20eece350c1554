"""How shown and real outputs are compared, and how the shown ones are renewed."""

import json

import pytest

from tests.docs.blocks import Output, blocks
from tests.docs.outputs import is_shown, renewed, wrapped
from tests.docs.shells import faults


def output(language: str, text: str) -> Output:
    return Output(language, text, 0, len(text))


@pytest.mark.parametrize(
    ("shown", "real", "same"),
    [
        ('{"a": [0.98, 1]}', '{"a":[0.985,1]}', True),
        ('{"a": [0.98, 1]}', '{"a":[0.6,1]}', False),
        ('{"a": 1}', '{"a":1,"b":2}', False),
        ('{"id": "…", "status": "queued"}', '{"id":"3f","status":"running"}', True),
        ('{"queue_s": 0.1}', '{"queue_s":7.5}', True),
        ('{"a": true}', '{"a":1}', False),
        ('{"a": null}', '{"a":"x"}', False),
    ],
)
def test_json(shown: str, real: str, *, same: bool) -> None:
    assert is_shown(output("json", shown), real) is same


@pytest.mark.parametrize(
    ("shown", "real", "same"),
    [
        ("cat   97.1%  ████\n", "cat 96.0% ███\n", True),
        ("cat   97.1%\n", "cat   71.0%\n", False),
        ("cat   97.1%\n", "dog   97.1%\n", False),
        ("cat\n", "cat\ndog\n", False),
        ("clip-…@…: OK\n", "clip-3f@host: OK\n", True),
    ],
)
def test_text(shown: str, real: str, *, same: bool) -> None:
    assert is_shown(output("text", shown), real) is same


def test_renewed_json_keeps_what_varies() -> None:
    shown = output("json", '{"id": "…", "queue_s": 0.1, "a": [0.5]}')
    real = '{"id":"3f","queue_s":0.25,"a":[0.75, 1],"b":null}'
    assert renewed(shown, real) == '{"id": "…", "queue_s": 0.1, "a": [0.75, 1], "b": null}\n'


def test_renewed_text_keeps_what_varies() -> None:
    shown = output("text", "clip-…: OK\ncat 1%\n")
    assert renewed(shown, "clip-3f: OK\ncat 99%\ndog 1%\n") == "clip-…: OK\ncat 99%\ndog 1%\n"


def test_long_json_is_broken() -> None:
    value = {"title": "x" * 60, "errors": [{"detail": "y" * 80, "code": "z" * 20}]}
    lines = wrapped(value).splitlines()
    assert [line.lstrip()[:8] for line in lines] == ['{"title"', '"errors"', '"code": ']
    assert json.loads(wrapped(value)) == value


def test_an_output_follows_its_block_at_once() -> None:
    text = "```bash\na\n```\n\n```json\n1\n```\n\n```bash\nb\n```\nwords\n```text\n2\n```\n"
    [first, second] = blocks(text)
    assert first.output
    assert text[first.output.start : first.output.end] == "1\n"
    assert second.output is None


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("curl -s 'localhost/rank?wait=0' -d '[1] # no'\n", []),
        ("curl -s localhost/rank?wait=0\n", ["localhost/rank?wait=0"]),
        ("make bench   # see bench\n", ["# see bench"]),
        ("python3 - <<'END'\nprint([1])  # one\nEND\n", []),
        ("pip install ./client[cli]\n", ["./client[cli]"]),
    ],
)
def test_what_does_not_work_in_every_shell(code: str, found: list[str]) -> None:
    assert faults(code) == found
