"""Folders of sentence-transformers: the CLIP model in them is found, downloaded and served."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.hub_server import HubServer, Repository
from tests.processes import start
from tests.tiny_models import SIDE, save_tiny_model
from worker.model.checkpoint import open_checkpoint
from worker.model.clip_encoder import ClipEncoder
from worker.model.encoder import Encoder
from worker.model.load_errors import ModelLoadError
from worker.model.source import Source

READY_S = 90
NAME = "sentence-transformers/clip-ViT-B-32"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
KIND = "sentence_transformers.models."
TEXTS = ["a cat", "a red pizza"]


def modules(*listed: tuple[str, str]) -> str:
    described = [
        {"idx": index, "name": str(index), "path": path, "type": KIND + kind}
        for index, (path, kind) in enumerate(listed)
    ]
    return json.dumps(described)


def save_st_model(folder: Path) -> Path:
    """As sentence-transformers/clip-ViT-B-32: in a subfolder, with files of an old transformers."""
    inner = save_tiny_model("clip", folder / "0_CLIPModel")
    processor = json.loads((inner / "preprocessor_config.json").read_bytes())
    del processor["image_processor_type"]
    old = {"feature_extractor_type": "CLIPFeatureExtractor", "size": SIDE, "crop_size": SIDE}
    (inner / "preprocessor_config.json").write_text(json.dumps(processor | old))
    (folder / "modules.json").write_text(modules(("0_CLIPModel", "CLIPModel")))
    (folder / "config_sentence_transformers.json").write_text('{"__version__": {}}')
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_st_model(tmp_path_factory.mktemp("st"))


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(whole, tmp_path / "model"))


@pytest.fixture
def hub(folder: Path) -> Iterator[HubServer]:
    with HubServer().running() as server:
        server.repositories[NAME] = Repository(folder, COMMIT)
        yield server


def encoder_of(source: Source) -> Encoder:
    return ClipEncoder(open_checkpoint(source), "cpu", "float32")


def numbers(encoder: Encoder) -> Any:
    return encoder.encode_texts(encoder.prepare_texts(TEXTS))


def pickle_weights(folder: Path) -> None:
    inner = folder / "0_CLIPModel"
    torch.save(load_file(inner / "model.safetensors"), inner / "pytorch_model.bin")
    (inner / "model.safetensors").unlink()


def test_a_local_folder_is_served(folder: Path, tmp_path: Path) -> None:
    plain = save_tiny_model("clip", tmp_path / "plain")
    found = encoder_of(Source(str(folder)))
    expected = encoder_of(Source(str(plain)))
    assert numbers(found) == pytest.approx(numbers(expected))
    assert found.traits == expected.traits
    # A digest, as of any folder; not the name of the subfolder.
    assert len(found.info.revision) == 40


def prefetch(hub: HubServer, tmp_path: Path, **settings: object) -> Any:
    environment = {"HF_ENDPOINT": hub.url, "HF_HOME": tmp_path / "cache", **settings}
    process = start(["-m", "worker.prefetch", NAME], tmp_path, environment)
    process.popen.wait(READY_S)
    return process


def test_the_subfolder_is_downloaded_from_the_hub(
    hub: HubServer, folder: Path, tmp_path: Path
) -> None:
    for place in (folder, folder / "0_CLIPModel"):
        (place / "onnx").mkdir()
        (place / "onnx" / "model.safetensors").write_bytes(b"x" * 20_000)
    (folder / "1_Other").mkdir()
    (folder / "1_Other" / "model.safetensors").write_bytes(b"x" * 20_000)
    done = prefetch(hub, tmp_path)
    assert done.popen.returncode == 0, done.log
    assert f"{NAME} at {COMMIT} is in " in done.log
    [weights] = [line for line in hub.asked if line.startswith("GET /elsewhere/")]
    assert weights.endswith("/0_CLIPModel/model.safetensors")
    assert prefetch(hub, tmp_path, HF_HUB_OFFLINE="1").popen.returncode == 0
    [snapshot] = (tmp_path / "cache").rglob(COMMIT)
    found = encoder_of(Source(str(snapshot)))
    assert numbers(found) == pytest.approx(numbers(encoder_of(Source(str(folder)))))


def test_its_pickled_weights_need_permission(hub: HubServer, folder: Path, tmp_path: Path) -> None:
    pickle_weights(folder)
    refused = prefetch(hub, tmp_path)
    assert refused.popen.returncode == 78
    assert "CLIP_ALLOW_PICKLE=1" in refused.log
    assert "pytorch_model.bin" not in hub.downloaded()
    allowed = prefetch(hub, tmp_path, allow_pickle=1)
    assert allowed.popen.returncode == 0, allowed.log
    assert "pytorch_model.bin" in hub.downloaded()
    encoder_of(Source(str(folder), allow_pickle=True))


TEXT_ONLY = (("0_Transformer", "Transformer"), ("1_Pooling", "Pooling"), ("2_Dense", "Dense"))
REFUSED = {
    "the multilingual sibling": (
        modules(*TEXT_ONLY),
        r"for texts only \(Transformer, Pooling, Dense\): it cannot encode images",
    ),
    "a layer behind": (
        modules(("0_CLIPModel", "CLIPModel"), ("1_Dense", "Dense")),
        r"modules beside CLIPModel \(Dense\), which are not served",
    ),
    "a path out of the folder": (modules(("../x", "CLIPModel")), "names no folder with a model"),
    "an absolute path": (modules(("/etc", "CLIPModel")), "names no folder with a model"),
    "the folder above": (modules(("..", "CLIPModel")), "names no folder with a model"),
    "no path": (modules(("", "CLIPModel")), "names no folder with a model"),
    "no modules": ("[]", "its modules.json lists no modules"),
    "another shape": ('{"a": 1}', "its modules.json lists no modules"),
    "no JSON": ("[", "its modules.json is not valid JSON"),
    "a folder that is not there": (modules(("1_CLIPModel", "CLIPModel")), "it has neither config"),
}


@pytest.mark.parametrize(("content", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_served_is_explained(folder: Path, content: str, reason: str) -> None:
    (folder / "modules.json").write_text(content)
    with pytest.raises(ModelLoadError, match=f"^cannot load {folder}: .*{reason}"):
        open_checkpoint(Source(str(folder)))


def test_a_text_model_in_the_root_is_refused_likewise(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "distilbert"}')
    (folder / "modules.json").write_text(modules(("", "Transformer"), *TEXT_ONLY[1:]))
    with pytest.raises(ModelLoadError, match="for texts only"):
        open_checkpoint(Source(str(folder)))


def test_a_normalisation_behind_changes_nothing(folder: Path) -> None:
    (folder / "modules.json").write_text(
        modules(("0_CLIPModel", "CLIPModel"), ("1_Normalize", "Normalize"))
    )
    assert encoder_of(Source(str(folder))).traits.family == "CLIP"


def test_a_layer_behind_a_model_in_the_root_is_refused_too(tmp_path: Path) -> None:
    folder = save_tiny_model("clip", tmp_path)
    (folder / "modules.json").write_text(modules(("", "CLIPModel"), ("1_Dense", "Dense")))
    with pytest.raises(ModelLoadError, match="modules beside CLIPModel"):
        open_checkpoint(Source(str(folder)))


def test_a_model_of_transformers_beside_modules_is_served(tmp_path: Path) -> None:
    """As new multimodal models of sentence-transformers: the model is in the root."""
    folder = save_tiny_model("clip", tmp_path)
    (folder / "modules.json").write_text(modules(("", "Transformer")))
    assert encoder_of(Source(str(folder))).traits.family == "CLIP"
