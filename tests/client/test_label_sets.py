"""Label sets, from Python and from the command line."""

import asyncio
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from clip_api_client import AsyncClient, Client, errors

from tests.client.commands import Command
from tests.processes import SAMPLES, Api

T_SHIRT = SAMPLES / "t-shirt.png"
TEMPLATES = ["a photo of a {}", "a drawing of a {}"]


@pytest.fixture
def label_sets(clip_api: Command) -> Command:
    return partial(clip_api, "label-sets")


@pytest.fixture(autouse=True)
def _without_sets(client: Client) -> Iterator[None]:
    yield
    for each in client.label_sets():
        client.delete_label_set(each.name)


@pytest.mark.parametrize("templates", [[], TEMPLATES[:1], TEMPLATES])
def test_an_edit_keeps_the_order_and_the_templates(client: Client, templates: list[str]) -> None:
    client.put_label_set("clothes", ["dress", "t-shirt", "jeans"], templates)
    client.edit_label_set("clothes", add=["pizza", "jeans", "pizza"], remove=["dress"])
    stored = client.label_set("clothes")
    assert stored.labels == ["t-shirt", "jeans", "pizza"]
    assert stored.templates == templates
    expected = client.rank(T_SHIRT, ["t-shirt", "jeans", "pizza"], templates=templates)
    assert client.rank(T_SHIRT, label_set="clothes").probabilities == expected.probabilities


def test_what_cannot_be_edited_stays_as_it_is(client: Client) -> None:
    before = client.put_label_set("images", [T_SHIRT, "jeans"])
    with pytest.raises(errors.RequestError, match="'images' has uploaded images"):
        client.edit_label_set("images", add=["pizza"])
    assert client.label_set("images") == before
    client.put_label_set("clothes", ["dress", "jeans"])
    with pytest.raises(errors.RequestError, match="'hat' is not in label set 'clothes'"):
        client.edit_label_set("clothes", remove=["dress", "hat"])
    with pytest.raises(errors.RequestError, match="'clothes' would be empty; delete it"):
        client.edit_label_set("clothes", remove=["dress", "jeans"])
    with pytest.raises(errors.NoSuchLabelSet):
        client.edit_label_set("none", add=["dress"])
    assert client.label_set("clothes").labels == ["dress", "jeans"]


def test_an_async_client_edits_too(service: Api) -> None:
    async def go() -> list[str | None]:
        async with AsyncClient(service.url) as client:
            await client.put_label_set("clothes", ["dress", "jeans"])
            return (await client.edit_label_set("clothes", add=["hat"], remove=["dress"])).labels

    assert asyncio.run(go()) == ["jeans", "hat"]


def test_the_commands_put_show_change_and_delete(label_sets: Command, tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.write_text("pizza\n\nhat, red\n")
    put = label_sets(
        "put", "clothes", "-l", "dress, jeans", "--template", "a {}", "--template", "{}"
    )
    assert (put.code, put.output, put.errors) == (0, "clothes\t2 labels\n", "")
    assert label_sets("add", "clothes", "--labels-file", words).output == "clothes\t4 labels\n"
    assert label_sets("remove", "clothes", "-l", "dress, pizza").output == "clothes\t2 labels\n"
    shown = [line.split("\t") for line in label_sets("show", "clothes").lines]
    assert shown[0] == ["name", "clothes"]
    assert [value for name, value in shown if name == "label"] == ["jeans", "hat, red"]
    assert [value for name, value in shown if name == "template"] == ["a {}", "{}"]
    told = json.loads(label_sets("show", "clothes", "--json").output)
    assert told["labels"] == ["jeans", "hat, red"]
    assert label_sets("put", "one", "--label", "a").output == "one\t1 label\n"
    gone = label_sets("delete", "none", "clothes")
    assert (gone.code, gone.output) == (1, "clothes\tdeleted\n")
    assert gone.errors == "clip-api: there is no label set 'none'\n"


def test_the_command_alone_lists_them(
    label_sets: Command, on_terminal: Command, client: Client
) -> None:
    assert label_sets().output == ""
    assert on_terminal("label-sets").lines[0].strip() == "There are no label sets."
    client.put_label_set("clothes", ["dress", "jeans"])
    [line] = label_sets().lines
    assert line.split("\t")[:2] == ["clothes", "2"]
    [line] = label_sets("list", "--json").lines
    assert set(json.loads(line)) == {"name", "version", "count", "created_at"}
    lines = on_terminal("label-sets").lines
    assert lines[0].split() == ["Label", "set", "Labels", "Age"]
    assert lines[1].split()[:2] == ["clothes", "2"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["put", "clothes"], "give labels"),
        (["add", "clothes"], "give labels"),
        (["put", "two words", "-l", "a"], "1 to 64"),
        (["show", "none"], "no label set 'none'"),
        (["put", "clothes", "-l", "a", "--template", "no hole"], "{}"),
    ],
)
def test_a_wrong_command_says_why(label_sets: Command, arguments: list[str], words: str) -> None:
    ended = label_sets(*arguments)
    assert (ended.code, ended.output) == (2, "")
    assert words in ended.errors


def test_the_templates_of_a_set_are_replaced(label_sets: Command, client: Client) -> None:
    client.put_label_set("clothes", ["dress", "jeans"], TEMPLATES)
    given = ("templates", "clothes", "--template", "a {}", "--template", "{}, drawn")
    assert label_sets(*given).output == "clothes\t2 labels\n"
    stored = client.label_set("clothes")
    assert (stored.labels, stored.templates) == (["dress", "jeans"], ["a {}", "{}, drawn"])
    ended = label_sets("templates", "clothes")
    assert (ended.code, "give --template" in ended.errors) == (2, True)
