"""`clip-api models`."""

import json

import pytest
from clip_api_client import Client
from clip_api_client.answers import Model
from clip_api_client.cli.models import row
from clip_api_client.cli.tables import print_models

from tests.client.commands import Command

ABSENT = Model(
    name="org/absent",
    is_default=False,
    revision=None,
    family=None,
    format=None,
    dimension=None,
    context_length=None,
    resolution=None,
    activation=None,
    precision=None,
    not_finite_in=None,
    workers=0,
)


def test_each_model_is_described(clip_api: Command, client: Client) -> None:
    [model] = client.models()
    [line] = clip_api("models").lines
    told = line.split("\t")
    assert told[:3] == [model.name, "yes", "CLIP"]
    assert told[3:6] == ["transformers", model.revision, "float32"]
    assert told[6:] == ["32", "60x60", "softmax", "128", "1"]
    [line] = clip_api("models", "--json").lines
    assert json.loads(line)["activation"] == "softmax"


def test_on_a_terminal_each_trait_has_a_line(on_terminal: Command, client: Client) -> None:
    lines = on_terminal("models").lines
    assert lines[0].strip() == client.models()[0].name
    traits = dict(line.split(maxsplit=1) for line in lines[1:])
    assert traits["Format"].strip() == "transformers"
    assert traits["Context"].strip() == "32"
    assert max(len(line.rstrip()) for line in lines) <= 80


def test_a_model_without_a_worker_has_only_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert [value for value in row(ABSENT).values() if value] == ["org/absent", "0"]
    print_models([ABSENT])
    assert capsys.readouterr().out.split() == ["org/absent", "Workers", "0"]
    print_models([])
    assert capsys.readouterr().out == "There are no models.\n"


def test_a_precision_that_was_given_up_is_named() -> None:
    model = ABSENT.model_copy(update={"precision": "float32", "not_finite_in": "float16"})
    assert row(model)["Precision"] == "float32 (not finite in float16)"
