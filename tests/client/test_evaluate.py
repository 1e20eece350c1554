"""`clip-api evaluate`: accuracy on images in a folder for each label."""

import csv
import io
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from clip_api_client.__main__ import main

from tests.client.commands import Command
from tests.client.troubled import TroubledProxy, drop, forward
from tests.processes import DEMO_MODEL, SAMPLES, Api, start_api, start_worker, wait_for_workers

LABELS = ("cat", "dress", "guitar", "jeans", "pizza", "sunglasses")
SECOND = "demo-bfloat16"


@dataclass(frozen=True, slots=True)
class Told:
    """The exit code, standard output and standard error of a command."""

    code: int
    output: str
    errors: str

    @property
    def document(self) -> dict[str, object]:
        """The evaluation of the only model, as --json prints it."""
        [line] = self.output.splitlines()
        found: dict[str, object] = json.loads(line)
        return found


Evaluate = Callable[..., Told]


@pytest.fixture
def evaluate(service: Api, capsys: pytest.CaptureFixture[str]) -> Evaluate:
    """Run the command in this process."""

    def run(*arguments: object) -> Told:
        code = main(["evaluate", "--url", service.url, *map(str, arguments)])
        told = capsys.readouterr()
        return Told(code, told.out, told.err)

    return run


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder for each label, with the sample of it."""
    folder = tmp_path / "photos"
    for label in LABELS:
        add(folder / label, label)
    return folder


def add(folder: Path, sample: str, name: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / (name or f"{sample}.png")
    shutil.copy(SAMPLES / f"{sample}.png", target)
    return target


def test_images_of_the_right_labels_are_right(evaluate: Evaluate, photos: Path) -> None:
    told = evaluate(photos, "--json")
    assert (told.code, told.errors) == (0, "clip-api: 6 evaluated\n")
    document = told.document
    labels = document.pop("labels")
    assert document == {
        "model": "model",
        "precision": "float32",
        "images": 6,
        "failed": 0,
        "top_1": 1.0,
        "top_5": 1.0,
    }
    assert labels == [
        {"label": each, "images": 1, "failed": 0, "top_1": 1.0, "top_5": 1.0, "taken_for": []}
        for each in LABELS
    ]


def test_images_in_wrong_folders_show_as_confusion(evaluate: Evaluate, photos: Path) -> None:
    examples = [add(photos / "jeans" / "deeper", "pizza", f"{number}.png") for number in (1, 2)]
    add(photos / "jeans", "cat", "x.png")
    labels = evaluate(photos, "--json").document["labels"]
    assert isinstance(labels, list)
    assert labels[0] == {
        "label": "jeans",
        "images": 4,
        "failed": 0,
        "top_1": 0.25,
        "top_5": labels[0]["top_5"],
        "taken_for": [
            {"label": "pizza", "images": 2, "example": str(examples[0])},
            {"label": "cat", "images": 1, "example": str(photos / "jeans" / "x.png")},
        ],
    }
    assert {each["top_1"] for each in labels[1:]} == {1.0}


def test_an_image_that_fails_is_named_and_not_counted(evaluate: Evaluate, photos: Path) -> None:
    broken = photos / "cat" / "broken.png"
    broken.write_bytes(b"no image")
    told = evaluate(photos, "--json")
    assert told.code == 1
    assert told.errors.splitlines()[0].startswith(f"clip-api: {broken}: is not an image")
    assert told.errors.splitlines()[-1] == f"clip-api: 6 evaluated, 1 failed: {broken}"
    assert (told.document["images"], told.document["failed"]) == (6, 1)
    assert told.document["top_1"] == 1.0


def test_folders_of_an_underscore_are_labels_with_a_space(evaluate: Evaluate, photos: Path) -> None:
    add(photos / "t-shirt_or_pullover", "t-shirt")
    add(photos / "t-shirt or pullover", "t-shirt", "2.png")
    (photos / ".thumbnails").mkdir()
    labels = evaluate(photos, "--json").document["labels"]
    assert isinstance(labels, list)
    images = {each["label"]: each["images"] for each in labels}
    assert images == {**dict.fromkeys(LABELS, 1), "t-shirt or pullover": 2}


def test_templates_and_a_background_are_used(evaluate: Evaluate, photos: Path) -> None:
    used = evaluate(photos, "--template", "{}", "--template", "a photo of a {}", "--alpha", "white")
    assert used.code == 0
    wrong = evaluate(photos, "--template", "no place")
    assert wrong.code == 2
    assert "{}" in wrong.errors


def test_what_has_no_label_or_no_image_is_told(evaluate: Evaluate, photos: Path) -> None:
    add(photos, "banana")
    (photos / "notes.txt").write_text("no image")
    (photos / "banana").mkdir()
    told = evaluate(photos, "--csv")
    assert told.code == 0
    assert told.errors.splitlines() == [
        f"clip-api: {photos}: left out 1 image outside its folders",
        "clip-api: labels without images: banana",
        "clip-api: 6 evaluated",
    ]
    assert "banana" not in told.output
    add(photos / "cat", "banana")
    assert "banana" in evaluate(photos, "--csv").output
    assert evaluate(photos, "--csv", "-q").errors == ""


def test_without_folders_of_images_there_is_nothing_to_evaluate(
    evaluate: Evaluate, tmp_path: Path
) -> None:
    none = f"clip-api: {tmp_path} needs a folder of images for each label, such as {tmp_path}/cat\n"
    assert evaluate(tmp_path) == Told(2, "", none)
    add(tmp_path, "cat")
    assert evaluate(tmp_path) == Told(2, "", none)
    (tmp_path / "dog").mkdir()
    assert evaluate(tmp_path) == Told(2, "", none)
    (tmp_path / "dog").rmdir()
    add(tmp_path / "cat", "cat")
    one = f"clip-api: {tmp_path} has only one label, 'cat': any answer would be right\n"
    assert evaluate(tmp_path) == Told(2, "", one)


@pytest.mark.parametrize(
    ("path", "words"),
    [(SAMPLES / "cat.png", "Not a directory"), (SAMPLES / "nope", "No such file or directory")],
)
def test_a_folder_is_a_folder(evaluate: Evaluate, path: Path, words: str) -> None:
    assert evaluate(path) == Told(2, "", f"clip-api: {path} could not be read: {words}\n")


def test_labels_are_utf8(evaluate: Evaluate, photos: Path) -> None:
    add(photos / "caf\udce9", "cat")
    told = evaluate(photos)
    assert told == Told(2, "", f"clip-api: the name of a folder in {photos} is not UTF-8\n")


def test_a_row_of_csv_is_a_model_or_a_label(evaluate: Evaluate, photos: Path) -> None:
    wrong = add(photos / "jeans", "pizza")
    rows = list(csv.DictReader(io.StringIO(evaluate(photos, "--csv").output)))
    assert [row["label"] for row in rows[:3]] == ["", "jeans", "cat"]
    assert (rows[0]["images"], rows[0]["top_1"]) == ("7", "0.8571")
    assert (rows[0]["taken_for"], rows[2]["taken_for"]) == ("", "")
    assert (rows[1]["top_1"], rows[1]["taken_for"]) == ("0.5", "pizza")
    assert (rows[1]["taken_for_images"], rows[1]["example"]) == ("1", str(wrong))
    lines = evaluate(photos).output.splitlines()
    assert [line.split("\t") for line in lines] == [list(row.values()) for row in rows]
    limited = evaluate(photos, "--worst", "1").output.splitlines()
    assert limited == lines[:2]


def test_five_labels_have_no_first_five(evaluate: Evaluate, photos: Path) -> None:
    shutil.rmtree(photos / "cat")
    document = evaluate(photos, "--json").document
    assert (document["top_1"], document["top_5"]) == (1.0, None)


def test_on_a_terminal_there_are_tables(on_terminal: Command, photos: Path) -> None:
    add(photos / "jeans" / "odd", "pizza")
    ended = on_terminal("evaluate", f"{photos}/", columns=80)
    assert ended.code == 0
    lines = [line.split() for line in ended.lines if line.strip()]
    assert lines[0] == ["Model", "Precision", "Images", "Top", "1", "Top", "5"]
    assert lines[1][:4] == ["model", "float32", "7", "85.7%"]
    assert lines[2] == ["model:", "the", "worst", "of", "6", "labels"]
    assert lines[3] == ["Label", "Images", "Top", "1", "Taken", "for", "Example"]
    assert lines[4] == ["jeans", "2", "50.0%", "pizza", "(1)", "jeans/odd/pizza.png"]
    assert lines[5] == ["clip-api:", "7", "evaluated"]


@pytest.fixture(scope="module")
def two_models(
    redis_url_of_its_own: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """A service with the same checkpoint in two precisions."""
    folder = tmp_path_factory.mktemp("two")
    models = f"model {SECOND}"
    workers = [
        start_worker(folder, redis_url_of_its_own, DEMO_MODEL, models=models),
        start_worker(
            *(folder, redis_url_of_its_own, DEMO_MODEL),
            models=models,
            model_name=SECOND,
            dtype="bfloat16",
        ),
    ]
    api = start_api(folder, redis_url_of_its_own, models=models)
    wait_for_workers(api, workers)
    yield api
    api.stop()
    for worker in workers:
        worker.stop()


def test_models_are_compared(evaluate: Evaluate, photos: Path, two_models: Api) -> None:
    broken = photos / "cat" / "broken.png"
    broken.write_bytes(b"no image")
    told = evaluate(photos, "--json", "--url", two_models.url)
    found = [json.loads(line) for line in told.output.splitlines()]
    assert [(each["model"], each["precision"], each["top_1"]) for each in found] == [
        ("model", "float32", 1.0),
        (SECOND, "bfloat16", 1.0),
    ]
    assert [(each["images"], each["failed"]) for each in found] == [(6, 1), (6, 1)]
    assert told.errors.count("is not an image") == 1
    assert told.errors.splitlines()[-1] == f"clip-api: 6 evaluated, 1 failed: {broken}"


def test_models_are_chosen(evaluate: Evaluate, photos: Path, two_models: Api) -> None:
    chosen = ("--model", SECOND, "--url", two_models.url)
    assert evaluate(photos, "--json", *chosen).document["precision"] == "bfloat16"
    unknown = f"clip-api: the service has no model 'none'; it has model, {SECOND}\n"
    assert evaluate(photos, *chosen, "--model", "none") == Told(2, "", unknown)


def test_results_before_an_outage_are_printed(
    evaluate: Evaluate, photos: Path, two_models: Api
) -> None:
    with TroubledProxy(two_models.url).running() as proxy:
        # Models, workers, readiness, the images with the first model; then with the second.
        proxy.troubles += [forward, forward, forward, forward, drop]
        ended = evaluate(photos, "--json", "--url", proxy.url, "--retries", "0")
    assert ended.code == 3
    assert ended.document["model"] == "model"
    assert "does not answer" in ended.errors


def test_models_that_answer_for_each_other_are_not_evaluated(
    evaluate: Evaluate, photos: Path, service: Api, folder: Path, service_redis_url: str
) -> None:
    worker = start_worker(folder, service_redis_url, DEMO_MODEL, model_name=SECOND)
    try:
        wait_for_workers(service, [worker], 2)
        told = evaluate(photos)
    finally:
        worker.stop()
    words = "answer for each other: CLIP_MODELS of the service must name them"
    assert told == Told(3, "", f"clip-api: {SECOND} and model {words}\n")
