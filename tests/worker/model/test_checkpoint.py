"""Checkpoints as people publish them: whole, in shards, pickled, with code, and broken."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, BertConfig, BertModel

from tests.tiny_models import FAMILIES, save_tiny_model
from worker.model.checkpoint import open_checkpoint
from worker.model.load_errors import ModelLoadError
from worker.model.source import Source

Change = Callable[[Path], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model("clip", tmp_path_factory.mktemp("whole"))


@pytest.fixture
def checkpoint(whole: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(whole, tmp_path / "checkpoint"))


def load(folder: Path, *, allow_pickle: bool = False) -> Any:
    return open_checkpoint(Source(str(folder), allow_pickle=allow_pickle))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(load(folder, allow_pickle=True).model.state_dict())


def are_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def cut_into_shards(folder: Path) -> None:
    model = AutoModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="20KB")


def pickle_weights(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def drop_weight(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    del tensors["visual_projection.weight"]
    save_file(tensors, path, metadata={"format": "pt"})


def lose_shard(folder: Path) -> None:
    cut_into_shards(folder)
    next(folder.glob("model-*.safetensors")).unlink()


def become_bert(folder: Path) -> None:
    BertModel(BertConfig(**FAMILIES["chinese_clip"]()[0].text_config.to_dict())).save_pretrained(
        folder
    )


def write(name: str, text: str) -> Change:
    return lambda folder: (folder / name).write_text(text)


def remove(name: str) -> Change:
    return lambda folder: (folder / name).unlink()


def cut_short(size: int) -> Change:
    return lambda folder: os.truncate(folder / "model.safetensors", size)


BROKEN: dict[str, tuple[Change, str]] = {
    "a text model": (become_bert, "it is a bert model; supported are ALIGN, AltCLIP, .*CLIP, .*"),
    "no config": (
        remove("config.json"),
        "it has neither config.json .format of transformers. nor open_clip_c",
    ),
    "a config that is no JSON": (write("config.json", "{"), "its config.json is not valid JSON"),
    "a config that is a list": (write("config.json", "[]"), "its config.json has no model_type"),
    "a config of an odd type": (
        write("config.json", '{"model_type": []}'),
        "its config.json has no model_type",
    ),
    "no weights": (remove("model.safetensors"), "no weights as safetensors"),
    "pickled weights": (
        pickle_weights,
        "Set CLIP_ALLOW_PICKLE=1 to load pickled ones, if you trust their publisher: a pickle can",
    ),
    "weights cut short": (cut_short(5000), "its weights cannot be used .SafetensorError"),
    "empty weights": (cut_short(0), "its weights cannot be used .SafetensorError"),
    "a weight too few": (drop_weight, "it lacks 1 of the weights, such as visual_projection.weig"),
    "a shard too few": (lose_shard, "its weights cannot be used .FileNotFoundError"),
    "weights of another shape": (
        lambda folder: edit(folder / "config.json", projection_dim=17),
        "it has in another shape 2 of the weights, such as text_projection.weight, visual_proj",
    ),
    "no tokenizer": (remove("tokenizer.json"), "it has no tokenizer"),
    "an empty tokenizer": (write("tokenizer.json", "{}"), "its tokenizer cannot be used"),
    "a broken tokenizer": (write("tokenizer.json", "no"), "its tokenizer cannot be used"),
    "no preprocessor": (remove("preprocessor_config.json"), "its image preprocessor cannot be"),
    "a broken preprocessor": (write("preprocessor_config.json", "["), "its image preprocessor"),
}


@pytest.mark.parametrize(("change", "reason"), BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_served_is_explained(checkpoint: Path, change: Change, reason: str) -> None:
    change(checkpoint)
    with pytest.raises(ModelLoadError, match=f"^cannot load {checkpoint}: .*{reason}") as refusal:
        load(checkpoint)
    assert refusal.value.exit_code == 78


def test_weights_may_come_in_shards(checkpoint: Path, whole: Path) -> None:
    cut_into_shards(checkpoint)
    assert len(list(checkpoint.glob("model-*.safetensors"))) > 2
    assert are_equal(weights(checkpoint), weights(whole))


def test_pickled_weights_load_once_they_are_allowed(checkpoint: Path, whole: Path) -> None:
    pickle_weights(checkpoint)
    assert are_equal(weights(checkpoint), weights(whole))


def test_safetensors_come_first_even_where_pickles_are_allowed(
    checkpoint: Path, whole: Path
) -> None:
    (checkpoint / "pytorch_model.bin").write_bytes(b"nothing to unpickle")
    assert are_equal(weights(checkpoint), weights(whole))


class Trap:
    """Runs when it is unpickled."""

    def __init__(self, sprung: Path) -> None:
        self.sprung = sprung

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.sprung),))


@pytest.mark.parametrize("zipped", [True, False])
def test_the_code_in_a_pickle_does_not_run(
    checkpoint: Path, tmp_path: Path, *, zipped: bool
) -> None:
    """Not even where pickles are allowed: torch unpickles nothing but tensors."""
    sprung = tmp_path / "sprung"
    with (checkpoint / "pytorch_model.bin").open("wb") as file:
        content = {"weight": Trap(sprung)}
        torch.save(content, file, _use_new_zipfile_serialization=zipped)
    (checkpoint / "model.safetensors").unlink()
    for allow_pickle, reason in ((False, "no weights as safetensors"), (True, "UnpicklingError")):
        with pytest.raises(ModelLoadError, match=reason):
            load(checkpoint, allow_pickle=allow_pickle)
    assert not sprung.exists()
    pickle.loads(pickle.dumps(Trap(sprung)))
    assert sprung.exists(), "the trap works"


def bring_code(folder: Path, sprung: Path) -> None:
    """Code of its own, for all parts of the checkpoint."""
    (folder / "own.py").write_text(f"import os\nos.mkdir({str(sprung)!r})\nclass Own: ...\n")
    kinds = {"AutoConfig": "own.Own", "AutoModel": "own.Own"}
    edit(folder / "config.json", auto_map=kinds)
    tokenizers = {"AutoTokenizer": ["own.Own", "own.Own"]}
    edit(folder / "tokenizer_config.json", auto_map=tokenizers)
    edit(folder / "preprocessor_config.json", auto_map={"AutoImageProcessor": "own.Own"})


def test_the_code_of_a_checkpoint_is_not_run(checkpoint: Path, whole: Path, tmp_path: Path) -> None:
    bring_code(checkpoint, tmp_path / "sprung")
    assert are_equal(weights(checkpoint), weights(whole)), "transformers has code of its own"
    assert not (tmp_path / "sprung").exists()


def test_a_checkpoint_that_needs_code_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    bring_code(checkpoint, tmp_path / "sprung")
    edit(checkpoint / "preprocessor_config.json", image_processor_type="Own")
    with pytest.raises(ModelLoadError, match="it needs code of its own, which is never run"):
        load(checkpoint)
    assert not (tmp_path / "sprung").exists()


def test_a_folder_has_a_revision_that_depends_on_its_content(checkpoint: Path, whole: Path) -> None:
    assert load(checkpoint).revision == load(whole).revision
    (checkpoint / "README.md").write_text("words about it")
    assert load(checkpoint).revision == load(whole).revision
    path = checkpoint / "model.safetensors"
    tensors = load_file(path)
    tensors["logit_scale"] += 1
    save_file(tensors, path, metadata={"format": "pt"})
    assert load(checkpoint).revision != load(whole).revision
