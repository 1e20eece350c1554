"""What a command says at its end."""

import json
from argparse import Namespace
from pathlib import Path

import pytest
from clip_api_client.cli.summary import Summary
from clip_api_client.errors import NotAnImage, Unreachable
from PIL import Image

from tests.client.commands import Command

LABELS = "t-shirt, jeans, pizza"


def loud(*, quiet: bool = False, alpha: str | None = None) -> Namespace:
    return Namespace(quiet=quiet, alpha=alpha)


def test_it_counts_what_was_ranked_and_names_what_failed(clip_api: Command) -> None:
    given = ("jeans.png", "nope.png", "pizza.png", "-l", LABELS)
    ended = clip_api("rank", *given)
    assert ended.errors.splitlines()[-1] == "clip-api: 2 ranked, 1 failed: nope.png"
    for form in ("--json", "--csv"):
        ended = clip_api("rank", *given, form)
        assert ended.code == 1
        assert "ranked" not in ended.output
        assert "2 ranked, 1 failed" in ended.errors
    assert [json.loads(line)["image"] for line in clip_api("rank", *given, "--json").lines] == [
        *("jeans.png", "nope.png", "pizza.png")
    ]
    quiet = clip_api("rank", *given, "-q")
    assert quiet.errors == "clip-api: nope.png: could not be read: No such file or directory\n"
    assert clip_api("rank", "jeans.png", "pizza.png", "-l", LABELS).errors == "clip-api: 2 ranked\n"
    assert clip_api("rank", "jeans.png", "-l", LABELS).errors == ""


def test_encode_has_one_too(clip_api: Command, tmp_path: Path) -> None:
    ended = clip_api("encode", "jeans.png", "nope.png", "--text", "a", "--npy", tmp_path / "x.npy")
    assert ended.errors.splitlines()[1:] == [
        f"clip-api: wrote 3 rows to {tmp_path / 'x.npy'}",
        "clip-api: 2 encoded, 1 failed: nope.png",
    ]


def test_on_a_terminal_it_is_the_last_line(on_terminal: Command) -> None:
    ended = on_terminal("rank", "jeans.png", "pizza.png", "-l", LABELS)
    assert [line for line in ended.lines if line.strip()][-1] == "clip-api: 2 ranked"


def test_many_failures_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    with Summary("ranked", "label", 3005, loud()) as summary:
        for _ in range(1999):
            summary.succeeded()
        for number in range(1006):
            summary.failed(f"{number}.jpg", NotAnImage())
    told = capsys.readouterr().err.splitlines()
    assert told[-1] == ("clip-api: 1,999 ranked, 1,006 failed: 0.jpg, 1.jpg, 2.jpg and 1,003 more")
    assert summary.code == 1


def test_what_was_done_before_an_outage_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    def lose(done: int) -> None:
        with Summary("ranked", "label", 2000, loud()) as summary:
            for _ in range(done):
                summary.succeeded()
            raise Unreachable

    with pytest.raises(Unreachable):
        lose(640)
    assert capsys.readouterr().err == "clip-api: 640 of 2,000 ranked\n"
    with pytest.raises(Unreachable):
        lose(0)
    assert capsys.readouterr().err == ""


def test_transparent_images_are_reported(clip_api: Command, tmp_path: Path) -> None:
    for number in range(2):
        image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
        image.paste((90, 120, 200 + number, 255), (16, 16, 48, 48))
        image.save(tmp_path / f"{number}.png")
    words = "transparent: --alpha white or --alpha black gives a background"
    for command in (("rank", "-l", LABELS), ("encode",)):
        assert f"clip-api: 2 images are {words}" in clip_api(*command, tmp_path).errors
        assert f"1 image is {words}" in clip_api(*command, tmp_path / "0.png", "jeans.png").errors
        assert clip_api(*command, tmp_path / "0.png", "--alpha", "white").errors == ""
        assert clip_api(*command, tmp_path, "-q").errors == ""


def test_truncated_texts_are_reported(clip_api: Command) -> None:
    long = "word " * 100
    ended = clip_api("rank", "jeans.png", "-l", f"{long}, jeans", "--top", "1")
    assert ended.errors == ("clip-api: 1 label is longer than the model's context, and truncated\n")
    ended = clip_api("encode", "--text", long, "--text", f"{long} end")
    assert "2 texts are longer than the model's context, and truncated" in ended.errors
