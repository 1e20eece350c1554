"""`clip-api`: its exit codes and its output."""

import csv
import io
import json
import os
import signal
import subprocess
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from clip_api_client import Client
from PIL import Image

from tests.client.commands import COMMAND, MODULE, Command, environment, run
from tests.client.conftest import KEY
from tests.forked import Forked, Streams
from tests.image_server import ImageServer, Stalling
from tests.images import encoded, noise
from tests.processes import SAMPLES, Api, free_port

LABELS = "t-shirt, jeans,pizza"


def test_in_a_pipe_a_line_has_image_place_label_and_numbers(clip_api: Command) -> None:
    ended = clip_api("rank", "jeans.png", "pizza.png", "-l", LABELS)
    assert (ended.code, ended.errors) == (0, "clip-api: 2 ranked\n")
    cells = [line.split("\t") for line in ended.lines]
    assert [(name, place) for name, place, *_ in cells] == [
        (name, place) for name in ("jeans.png", "pizza.png") for place in "123"
    ]
    assert cells[0][2] == "jeans"
    assert cells[3][2] == "pizza"
    assert float(cells[0][3]) > 0.9


def test_a_bad_file_is_named_and_the_others_go_on(clip_api: Command) -> None:
    ended = clip_api("rank", "nope.png", "LICENSE.md", "jeans.png", "-l", LABELS, "--top", "1")
    assert ended.code == 1
    assert [line.split("\t")[0] for line in ended.lines] == ["jeans.png"]
    told = ended.errors.splitlines()
    assert told[0] == "clip-api: nope.png: could not be read: No such file or directory"
    assert told[1].startswith("clip-api: LICENSE.md: is not an image")


def test_json_is_an_object_a_line(clip_api: Command) -> None:
    ended = clip_api("rank", "jeans.png", "nope.png", "-l", LABELS, "--json")
    good, bad = map(json.loads, ended.lines)
    assert good["image"] == "jeans.png"
    assert good["candidates"][0]["label"] == "jeans"
    assert good["candidates"][0]["cosine_similarity"] > good["candidates"][1]["cosine_similarity"]
    assert bad["error"]["code"] == "unreadable_image"


def test_csv_has_a_header(clip_api: Command) -> None:
    ended = clip_api("rank", "jeans.png", "-l", 'a "b"', "--label", "c, d", "--csv")
    rows = list(csv.DictReader(io.StringIO(ended.output)))
    assert sorted(row["label"] for row in rows) == ['a "b"', "c, d"]
    assert list(rows[0]) == ["image", "place", "label", "probability", "cosine_similarity"]


def test_on_a_terminal_there_is_a_table_with_bars(on_terminal: Command) -> None:
    ended = on_terminal("rank", "jeans.png", "nope.png", "pizza.png", "-l", LABELS)
    assert ended.code == 1
    lines = [line.rstrip() for line in ended.lines]
    assert lines[0].split() == ["Image", "Label", "Prob.", "Cosine"]
    name, label, percent, bar, _ = lines[1].split()
    assert (name, label, percent, bar) == ("jeans.png", "jeans", "100.0%", "█" * 24)
    assert "clip-api: nope.png: could not be read: No such file or directory" in lines
    assert [line.split()[0] for line in lines if "pizza.png" in line] == ["pizza.png"]
    assert all(len(line) <= 80 for line in lines)
    assert "0/3" not in ended.output


@pytest.mark.parametrize("columns", [40, 60, 200])
def test_a_table_fits_its_terminal(on_terminal: Command, columns: int) -> None:
    path = f"../pictures/../pictures/{'./' * 20}jeans.png"
    ended = on_terminal("rank", path, "-l", f"jeans, {'word ' * 9}", columns=columns)
    assert ended.code == 0
    assert all(len(line.rstrip()) <= columns for line in ended.lines)
    assert "jeans.png" in ended.output


def test_names_do_not_command_the_terminal(on_terminal: Command, tmp_path: Path) -> None:
    odd = tmp_path / "a\x1b]0;owned\x07b\n.png"
    odd.write_bytes(encoded(noise(8, 8)))
    ended = on_terminal("rank", odd, "-l", "\x1b[31mred")
    assert ended.code == 0
    assert "\x07" not in ended.output
    assert "\x1b]" not in ended.output


def test_folders_files_of_names_urls_and_standard_input_are_taken(
    clip_api: Command, image_server: ImageServer, tmp_path: Path
) -> None:
    content = encoded(noise(8, 8))
    (tmp_path / "b").mkdir()
    for name in ("b/2.PNG", "b/1.png", "a.jpg", "notes.txt"):
        (tmp_path / name).write_bytes(content)
    url = image_server.serve(content)
    ended = clip_api("rank", tmp_path, url, "--files-from", "-", "-l", "x", given="jeans.png\n")
    assert ended.code == 0
    names = [line.split("\t")[0].removeprefix(f"{tmp_path}/") for line in ended.lines]
    assert names == ["a.jpg", "b/1.png", "b/2.PNG", url, "jeans.png"]
    labels = tmp_path / "labels"
    labels.write_text("jeans\n\npizza, cold\n")
    piped = subprocess.run(
        [*COMMAND, "rank", "-", "--labels-file", labels],
        env=environment(CLIP_API_URL=os.environ.get("X", "")) | {"CLIP_API_URL": _url(clip_api)},
        input=(SAMPLES / "jeans.png").read_bytes(),
        capture_output=True,
        check=True,
        cwd=SAMPLES,
    )
    assert piped.stdout.decode().splitlines()[0].startswith("-\t1\tjeans\t")
    assert piped.stdout.count(b"\n") == 2


def _url(command: Command) -> str:
    url: str = command.keywords["env"]["CLIP_API_URL"]  # type: ignore[attr-defined]
    return url


def test_a_label_set_and_templates_are_used(
    clip_api: Command, on_terminal: Command, client: Client
) -> None:
    client.put_label_set("things", ["jeans", "pizza", "sunglasses"])
    ended = clip_api("rank", "pizza.png", "--label-set", "things", "--top", "1")
    assert ended.output.split("\t")[2] == "pizza"
    assert "sunglasses" in on_terminal("rank", "pizza.png", "--label-set", "things").output
    plain = clip_api("rank", "pizza.png", "-l", LABELS)
    prompted = clip_api("rank", "pizza.png", "-l", LABELS, "--template", "a photo of a {}")
    assert plain.output != prompted.output


def test_embeddings_are_printed_and_written(
    clip_api: Command, on_terminal: Command, client: Client, tmp_path: Path
) -> None:
    expected = client.encode([SAMPLES / "cat.png"], ["a cat"]).vectors
    npy = tmp_path / "out.npy"
    ended = clip_api("encode", "nope", "cat.png", "LICENSE.md", "--text", "a cat", "--npy", npy)
    assert ended.code == 1
    assert ended.output == ""
    rows = np.load(npy)
    assert rows.dtype == np.float32
    assert np.isnan(rows).all(axis=1).tolist() == [True, False, True, False]
    assert rows[[1, 3]] == pytest.approx(np.array(expected), abs=1e-5)
    assert list(tmp_path.iterdir()) == [npy]
    told = [json.loads(line) for line in clip_api("encode", "cat.png", "--json").lines]
    assert told[0]["vector"] == pytest.approx(expected[0], abs=1e-5)
    [line] = clip_api("encode", "--text", "a cat").lines
    assert len(line.split("\t")) == 1 + len(told[0]["vector"])
    assert "… 128 numbers" in on_terminal("encode", "cat.png").output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rank", "jeans.png"], "give labels"),
        (["rank", "-l", "a"], "give images"),
        (["rank", "x", "-l", "a", "--label-set", "b"], "not both"),
        (["rank", "x", "-l", "a", "--top", "0"], "above 0"),
        (["rank", "x", "-l", "a", "--json", "--csv"], "not allowed with"),
        (["rank", "x", "-l", "a", "--url", "ftp://x"], "http://"),
        (["rank", "jeans.png", "-l", "a", "--model", "none"], "not served"),
        (["rank", "x", "--labels-file", "nope"], "nope could not be read"),
        (["encode"], "give images"),
        (["encode", "x", "--npy", "/nowhere/x.npy"], "could not be written"),
    ],
)
def test_a_wrong_command_ends_with_2_and_says_why(
    clip_api: Command, arguments: list[str], words: str
) -> None:
    ended = clip_api(*arguments)
    assert ended.code == 2
    assert words in ended.errors
    assert "Traceback" not in ended.errors
    assert ended.output == ""


def test_no_service_ends_with_3(strict_api: Api) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    here = partial(run, folder=SAMPLES)
    ended = here(
        "rank", "jeans.png", "-l", "a", "--retries", "1", env=environment(CLIP_API_URL=url)
    )
    assert ended.code == 3
    assert f"{url} does not answer" in ended.errors
    assert "retrying in" in ended.errors
    at = ("--url", strict_api.url)
    unknown = here("rank", "jeans.png", "-l", "a", *at, env=environment())
    assert unknown.code == 3
    assert "API key" in unknown.errors
    assert here("rank", "jeans.png", "-l", "a", *at, env=environment(CLIP_API_KEY=KEY)).code == 0


def test_a_reader_that_leaves_ends_it_quietly(clip_api: Command) -> None:
    many = " ".join(["jeans.png"] * 3000)
    ended = subprocess.run(
        ["bash", "-c", f"{' '.join(COMMAND)} rank {many} -l a | head -1; echo ${{PIPESTATUS[0]}}"],
        cwd=SAMPLES,
        env=environment(CLIP_API_URL=_url(clip_api)),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ended.stdout.splitlines()[1] == "141"
    assert ended.stderr == ""


def test_ctrl_c_ends_it_at_once(
    clip_api: Command, image_server: ImageServer, tmp_path: Path
) -> None:
    slow = Stalling(image_server, encoded(noise(8, 8)))
    written = tmp_path / "written"
    written.touch()
    process = Forked(
        [*MODULE, "rank", slow.url, "-l", "a"],
        SAMPLES,
        environment(CLIP_API_URL=_url(clip_api)),
        Streams(written, written),
    )
    assert slow.asked.acquire(timeout=30)
    process.send_signal(signal.SIGINT)
    assert process.wait(12) == 130  # after 15 s the worker would give up the image
    assert written.read_text() == "\n"
    slow.let_go.set()


def test_help_lists_the_exit_codes(clip_api: Command) -> None:
    for command in ([], ["rank"], ["encode"]):
        assert "exit codes:" in clip_api(*command, "--help").output


def test_a_background_is_asked_for(clip_api: Command, tmp_path: Path) -> None:
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    image.paste((90, 120, 200, 255), (16, 16, 48, 48))
    image.save(tmp_path / "cutout.png")
    path = str(tmp_path / "cutout.png")
    for command in (("rank", "-l", LABELS), ("encode",)):
        ended = [clip_api(*command, path, "--alpha", alpha) for alpha in ("white", "drop")]
        assert [each.code for each in ended] == [0, 0]
        assert ended[0].lines != ended[1].lines
        assert clip_api(*command, path).lines == ended[1].lines
    assert clip_api("rank", path, "-l", LABELS, "--alpha", "pink").code == 2
