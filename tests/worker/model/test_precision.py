"""What a precision costs is measured when the model is loaded, and bounded."""

from typing import Any

import numpy as np
import pytest
import torch
from structlog.testing import capture_logs

from tests.processes import DEMO_MODEL
from worker.model import precision
from worker.model.clip_encoder import ClipEncoder
from worker.model.load_errors import ModelLoadError
from worker.model.loading import load_encoder
from worker.model.placement import choose_placement
from worker.settings import WorkerSettings


def settings(**changes: object) -> WorkerSettings:
    return WorkerSettings.model_validate({"model": str(DEMO_MODEL), "device": "cpu", **changes})


def checked(logs: list[Any]) -> list[Any]:
    return [line for line in logs if line["event"] == "precision_checked"]


@pytest.mark.parametrize(("dtype", "least"), [("int8", 0.998), ("bfloat16", 0.999), ("float16", 1)])
def test_the_lowest_cosines_are_logged(dtype: str, least: float) -> None:
    with capture_logs() as logs:
        encoder = load_encoder(settings(dtype=dtype))
    assert encoder.dtype == dtype
    [line] = checked(logs)
    assert line["dtype"] == dtype
    for of in ("images", "texts"):
        assert least - 1e-4 <= line[f"min_cosine_of_{of}"] <= 1


@pytest.mark.parametrize("dtype", ["auto", "float32"])
def test_float32_is_compared_with_nothing(dtype: str) -> None:
    with capture_logs() as logs:
        assert load_encoder(settings(dtype=dtype)).dtype == "float32"
    assert checked(logs) == []


def test_a_cosine_below_the_bound_is_refused() -> None:
    said = r"int8 changes its embeddings too much: .* 0\.99.* set another CLIP_DTYPE"
    with pytest.raises(ModelLoadError, match=said):
        load_encoder(settings(dtype="int8", min_cosine=1))


@pytest.mark.parametrize("factor", [-1, 0])
@pytest.mark.parametrize(("bound", "is_refused"), [(0.99, True), (0.5, True), (0, False)])
def test_a_model_that_int8_spoils_is_refused_unless_anything_will_do(
    monkeypatch: pytest.MonkeyPatch, factor: int, bound: float, is_refused: bool
) -> None:
    encode = ClipEncoder.encode_texts

    def spoilt(self: ClipEncoder, texts: Any) -> Any:
        vectors = encode(self, texts)
        return factor * vectors if self.dtype == "int8" else vectors

    monkeypatch.setattr(ClipEncoder, "encode_texts", spoilt)
    chosen = settings(dtype="int8", min_cosine=bound)
    if is_refused:
        with pytest.raises(ModelLoadError, match=r"cannot load .*(-0\.99\d\d|0\.0000) for texts"):
            load_encoder(chosen)
    else:
        assert load_encoder(chosen).dtype == "int8"


def test_a_model_that_does_not_run_in_a_precision_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> torch.Tensor:
        raise NotImplementedError("not for meta tensors")

    monkeypatch.setattr("worker.model.cpu.quantized.QuantizedLinear.forward", fail)
    said = r"its weights in int8 cannot be used \(NotImplementedError: not for meta tensors\)"
    with pytest.raises(ModelLoadError, match=said):
        load_encoder(settings(dtype="int8"))


def test_int8_is_refused_where_auto_is_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_placement("auto", "auto").precision == "float16"
    assert choose_placement("cpu", "int8").device == "cpu"
    with pytest.raises(ModelLoadError, match="CLIP_DEVICE=auto selects cuda; set CLIP_DEVICE=cpu"):
        choose_placement("auto", "int8")


def test_sample_images_are_always_the_same_and_differ_from_each_other() -> None:
    images = list(precision.sample_images())
    again = list(precision.sample_images())
    assert all(np.array_equal(one, other) for one, other in zip(images, again, strict=True))
    assert {image.shape for image in images} == {(precision.SIDE, precision.SIDE, 3)}
    assert len({image.tobytes() for image in images}) == len(images)
    assert all(image.max() > 200 and image.min() < 50 for image in images)
