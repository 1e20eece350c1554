"""The longest text that a model takes: what its files say, or CLIP_CONTEXT_LENGTH."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from structlog.testing import capture_logs
from transformers import AutoModel, AutoTokenizer

from common.cache.embeddings import space_of
from common.protocol.messages import ModelInfo
from tests.tiny_models import save_tiny_model
from worker.model.encoder import Encoder
from worker.model.load_errors import ModelLoadError
from worker.model.loading import load_encoder
from worker.settings import WorkerSettings

TEXT = "a very long label on a red pizza with the cat"
POSITIONS = 20


@pytest.fixture(scope="module")
def long_clip(folder: Path) -> Path:
    """Its tokenizer says that it takes fewer tokens than its text model does."""
    path = save_tiny_model("clip", folder / "long-clip")
    described = path / "tokenizer_config.json"
    described.write_text(json.dumps({**json.loads(described.read_bytes()), "model_max_length": 8}))
    return path


def load(folder: Path, **changes: object) -> Encoder:
    return load_encoder(
        WorkerSettings.model_validate({"model": str(folder), "device": "cpu", **changes})
    )


def is_truncated(encoder: Encoder) -> bool:
    [prepared] = encoder.prepare_texts([TEXT])
    return prepared.truncated


def test_the_files_of_a_model_limit_its_texts(long_clip: Path) -> None:
    with capture_logs() as logs:
        encoder = load(long_clip)
    assert encoder.traits.context_length == 8
    assert is_truncated(encoder)
    [line] = [line for line in logs if line["event"] == "longer_context_possible"]
    assert (line["context_length"], line["positions"]) == (8, POSITIONS)


def test_a_longer_context_is_used_where_it_is_set(long_clip: Path) -> None:
    encoder = load(long_clip, context_length=POSITIONS)
    assert encoder.traits.context_length == POSITIONS
    assert not is_truncated(encoder)
    model = AutoModel.from_pretrained(long_clip).eval()
    words = AutoTokenizer.from_pretrained(long_clip)(TEXT, max_length=POSITIONS, truncation=True)
    assert len(words["input_ids"]) > 8
    with torch.inference_mode():
        expected = model.get_text_features(torch.tensor([words["input_ids"]])).pooler_output
    found = encoder.encode_texts(encoder.prepare_texts([TEXT]))
    assert np.abs(found - expected.numpy()).max() < 1e-5


def test_a_shorter_context_is_possible(long_clip: Path) -> None:
    encoder = load(long_clip, context_length=3)
    [prepared] = encoder.prepare_texts([TEXT])
    assert (len(prepared.ids), prepared.truncated) == (3, True)


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        (POSITIONS + 1, "its text model has 20 positions, and CLIP_CONTEXT_LENGTH is 21"),
        (2, "its texts take at least 3 tokens, and CLIP_CONTEXT_LENGTH is 2"),
    ],
)
def test_an_impossible_context_is_refused(long_clip: Path, context: int, reason: str) -> None:
    with pytest.raises(ModelLoadError, match=f"^cannot load {long_clip}: {reason}$"):
        load(long_clip, context_length=context)


def test_positions_that_are_reserved_do_not_count(tmp_path: Path) -> None:
    path = save_tiny_model("dual encoder, RoBERTa", tmp_path)
    with pytest.raises(ModelLoadError, match="its text model has 19 positions"):
        load(path, context_length=20)


def test_workers_with_different_contexts_share_no_embeddings() -> None:
    short, long = (ModelInfo("m", "r", 4, 100.0, set_context=length) for length in (0, 248))
    assert space_of(short, "float32") != space_of(long, "float32")
