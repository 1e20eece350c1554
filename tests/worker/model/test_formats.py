"""Which format a folder has that may have two, and which of its files count."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.open_clip.checkpoints import save_model
from tests.open_clip.models import MODELS, SAFE, STUB
from tests.tiny_models import save_tiny_model
from tests.worker.model.test_checkpoint import Trap
from worker.model.checkpoint import open_checkpoint
from worker.model.load_errors import ModelLoadError
from worker.model.source import Fetched, Source

Change = Callable[[Path], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both formats in one folder, as those of laion."""
    folder = save_model(MODELS["clip"], tmp_path_factory.mktemp("both") / "model")
    return save_tiny_model("clip", folder)


@pytest.fixture
def both(whole: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(whole, tmp_path / "both"))


def fetch(folder: Path, *, allow_pickle: bool = False) -> Fetched:
    return Source(str(folder), allow_pickle=allow_pickle).fetch()


def stub(**config: object) -> Change:
    return lambda folder: (folder / "config.json").write_text(json.dumps(config))


def without(name: str) -> Change:
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda _: None, "transformers"),
        (without("open_clip_config.json"), "transformers"),
        (without("config.json"), "open_clip"),
        (stub(**STUB), "open_clip"),
        (stub(model_type="clip", vision_config={"a": 1}, open_clip_model_name="x"), "open_clip"),
        (stub(model_type="clip", vision_config={}), "open_clip"),
        (stub(architecture="vit_base_patch16_clip_224"), "open_clip"),
        (lambda folder: (folder / "config.json").write_text("{"), "open_clip"),
        # The same model, but not as a pickle.
        (without("model.safetensors"), "open_clip"),
    ],
    ids=[
        "both",
        "one",
        "the other",
        "stub",
        "named",
        "empty",
        "of timm",
        "no JSON",
        "no safetensors",
    ],
)
def test_the_format_is_read_from_the_files(both: Path, change: Change, expected: str) -> None:
    change(both)
    fetched = fetch(both)
    assert fetched.format == expected
    assert fetched.weights.name == (SAFE if expected == "open_clip" else "model.safetensors")


def test_what_is_not_served_of_open_clip_leaves_the_other_format(both: Path) -> None:
    path = both / "open_clip_config.json"
    path.write_text(path.read_text().replace('"layers": 3', '"layers": [3, 4]'))
    assert fetch(both).format == "transformers"
    (both / "model.safetensors").unlink()
    with pytest.raises(ModelLoadError, match="no weights as safetensors"):
        fetch(both)


def test_what_is_not_served_of_transformers_leaves_the_other_format(both: Path) -> None:
    path = both / "config.json"
    path.write_text(path.read_text().replace('"model_type": "clip"', '"model_type": "other"', 1))
    assert fetch(both).format == "open_clip"
    (both / "open_clip_config.json").write_text("{}")
    with pytest.raises(ModelLoadError, match="supported are"):
        fetch(both)


def test_without_either_configuration_both_are_named(both: Path) -> None:
    (both / "config.json").unlink()
    (both / "open_clip_config.json").unlink()
    with pytest.raises(ModelLoadError, match=r"neither config.json .* nor open_clip_config.json"):
        fetch(both)


def test_pickled_weights_of_open_clip_need_leave(both: Path) -> None:
    (both / "config.json").unlink()
    torch.save(load_file(both / SAFE), both / "open_clip_pytorch_model.bin")
    assert fetch(both, allow_pickle=True).weights.name == SAFE
    (both / SAFE).unlink()
    with pytest.raises(ModelLoadError, match="CLIP_ALLOW_PICKLE=1"):
        fetch(both)
    assert fetch(both, allow_pickle=True).weights.name == "open_clip_pytorch_model.bin"


def test_the_code_in_a_pickle_of_open_clip_does_not_run(both: Path, tmp_path: Path) -> None:
    (both / "config.json").unlink()
    (both / SAFE).unlink()
    torch.save({"state_dict": Trap(tmp_path / "sprung")}, both / "open_clip_pytorch_model.bin")
    with pytest.raises(ModelLoadError, match="its weights cannot be used"):
        open_checkpoint(Source(str(both), allow_pickle=True))
    assert not (tmp_path / "sprung").exists()


def test_the_revision_depends_on_the_weights_of_its_format(both: Path) -> None:
    (both / "config.json").unlink()
    before = fetch(both).revision
    (both / "model.safetensors").write_bytes(b"of the other format")
    assert fetch(both).revision == before
    shutil.copy(both / "open_clip_config.json", both / "another.json")
    assert fetch(both).revision != before


def test_a_tokenizer_needs_no_description(tmp_path: Path) -> None:
    """A vocabulary alone is that of CLIP."""
    folder = save_model(MODELS["clip"], tmp_path / "model")
    expected = open_checkpoint(Source(str(folder))).tokenizer(["a photo of a cat"])["input_ids"]
    (folder / "tokenizer_config.json").unlink()
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]
    (folder / "vocab.json").write_text(json.dumps(vocabulary["vocab"]))
    merges = "\n".join(" ".join(each) for each in vocabulary["merges"])
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n")
    for name in ("tokenizer.json", "vocab.json"):
        tokenizer = open_checkpoint(Source(str(folder))).tokenizer
        assert tokenizer(["a photo of a cat"])["input_ids"] == expected
        (folder / name).unlink()
