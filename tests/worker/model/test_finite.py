"""A model whose embeddings are not finite is refused; in the precision of `auto` after another."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from structlog.testing import capture_logs

from tests.tiny_models import save_tiny_model
from worker.model import placement
from worker.model.load_errors import ModelLoadError
from worker.model.loading import load_encoder
from worker.settings import WorkerSettings

TOO_LARGE = 1e6
"""For float16, not for float32."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_tiny_model("clip", tmp_path / "tiny")


@pytest.fixture
def auto_is_float16(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU."""
    resolve = placement._resolve_dtype
    monkeypatch.setattr(placement, "_resolve_dtype", lambda dtype, _: resolve(dtype, "cuda"))


def multiply(folder: Path, name: str, factor: float) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    weights[name] = weights[name] * factor
    save_file(weights, path, metadata={"format": "pt"})


def settings(folder: Path, **changes: object) -> WorkerSettings:
    return WorkerSettings.model_validate({"model": str(folder), "device": "cpu", **changes})


def overflow(folder: Path) -> None:
    multiply(folder, "visual_projection.weight", TOO_LARGE)


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["visual_projection.weight", "text_projection.weight"])
def test_broken_weights_are_refused_and_named(folder: Path, name: str, broken: float) -> None:
    multiply(folder, name, broken)
    reason = f"embeddings in float32 are not finite: 1 of its weights hold .* such as {name}$"
    with pytest.raises(ModelLoadError, match=f"^cannot load {folder}: its {reason}") as refused:
        load_encoder(settings(folder))
    assert refused.value.exit_code == 78


def test_float32_is_not_advised_where_it_would_not_help(folder: Path) -> None:
    multiply(folder, "visual_projection.weight", float("nan"))
    with pytest.raises(ModelLoadError, match=r"such as visual_projection\.weight$"):
        load_encoder(settings(folder, dtype="bfloat16"))


@pytest.mark.parametrize("name", ["logit_scale"])
@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_scale_that_is_not_finite_is_refused(folder: Path, name: str, broken: float) -> None:
    multiply(folder, name, broken)
    with pytest.raises(ModelLoadError, match=r"its logits are not finite: scale (nan|inf)"):
        load_encoder(settings(folder))


@pytest.mark.usefixtures("auto_is_float16")
def test_float32_is_tried_where_float16_was_chosen_automatically(folder: Path) -> None:
    overflow(folder)
    with capture_logs() as logs:
        encoder = load_encoder(settings(folder))
    assert encoder.dtype == "float32"
    assert encoder.traits.not_finite_in == "float16"
    [line] = [line for line in logs if line["event"] == "embeddings_not_finite"]
    assert (line["dtype"], line["log_level"]) == ("float16", "warning")
    assert "visual_projection.weight" in line["reason"]


@pytest.mark.usefixtures("auto_is_float16")
def test_a_precision_that_was_set_is_not_replaced(folder: Path) -> None:
    overflow(folder)
    with pytest.raises(ModelLoadError, match=r"in float16 are not finite.*set CLIP_DTYPE=float"):
        load_encoder(settings(folder, dtype="float16", min_cosine=0))


@pytest.mark.usefixtures("auto_is_float16")
def test_a_model_that_is_finite_stays_in_float16(folder: Path) -> None:
    encoder = load_encoder(settings(folder))
    assert (encoder.dtype, encoder.traits.not_finite_in) == ("float16", None)


@pytest.mark.usefixtures("auto_is_float16")
def test_what_is_broken_in_float32_too_is_refused(folder: Path) -> None:
    multiply(folder, "visual_projection.weight", float("nan"))
    with pytest.raises(ModelLoadError, match="in float32 are not finite"):
        load_encoder(settings(folder))


def test_activations_that_overflow_are_refused_where_the_weights_do_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    multiply(folder, "visual_projection.weight", 1e4)
    multiply(folder, "vision_model.post_layernorm.weight", 1e4)
    with pytest.raises(ModelLoadError, match="in float16 are not finite: they overflow;"):
        load_encoder(settings(folder, dtype="float16", min_cosine=0))


def test_all_of_a_tiny_model_is_finite(folder: Path) -> None:
    encoder: Any = load_encoder(settings(folder))
    assert torch.tensor(encoder.encode_texts(encoder.prepare_texts(["a"]))).isfinite().all()
