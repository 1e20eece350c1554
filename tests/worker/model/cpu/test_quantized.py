"""Linear layers in int8: near the numbers of float32, in every family, or a clear refusal."""

import copy
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from structlog.testing import capture_logs
from torch import nn
from torch.ao.nn.quantized import dynamic

from tests.images import noise
from tests.processes import DEMO_MODEL
from tests.tiny_models import FAMILIES, save_tiny_model
from tests.worker.model.cpu.linear_model import Model
from worker.images.decode import DecodedImage
from worker.model.checkpoint import open_checkpoint
from worker.model.clip_encoder import ClipEncoder
from worker.model.cpu.quantized import QuantizedLinear, quantize_linear_layers
from worker.model.load_errors import ModelLoadError
from worker.model.source import Source

Floats = npt.NDArray[np.float64]

SIZES = ((40, 40), (90, 30), (31, 200), (8, 8))
SAMPLES = [DecodedImage.of(np.asarray(noise(*size, seed=7))) for size in SIZES]
TEXTS = ["a cat", "", "a very long label " * 20, "x", "the dog in the photo with a red pizza on it"]


def make(
    model: object, dtype: str = "int8", threads: int = 1, *, accelerated: bool = True
) -> ClipEncoder:
    checkpoint = open_checkpoint(Source(str(model)))
    return ClipEncoder(checkpoint, "cpu", dtype, threads, accelerated=accelerated)


def embeddings(encoder: ClipEncoder) -> tuple[Floats, Floats]:
    """Of images and of texts, of length 1."""
    images = encoder.encode_images([encoder.prepare_image(image) for image in SAMPLES])
    return units(images), units(encoder.encode_texts(encoder.prepare_texts(TEXTS)))


def units(vectors: npt.NDArray[np.float32]) -> Floats:
    exact = vectors.astype(np.float64)
    lengths: Floats = np.linalg.norm(exact, axis=1, keepdims=True)
    return exact / lengths


def lowest_cosine(some: Floats, others: Floats) -> float:
    return float((some * others).sum(axis=1).min())


@pytest.fixture(scope="module", params=["demo", *FAMILIES])
def path(request: pytest.FixtureRequest, folder: Path) -> Path:
    if request.param == "demo":
        return DEMO_MODEL
    return save_tiny_model(request.param, folder / f"int8-{request.param}")


def test_every_family_stays_near_float32(path: Path) -> None:
    """Of tiny models with large random weights the lowest cosine is 0.97; of the demo 0.9994."""
    expected = embeddings(make(path, "float32"))
    encoder = make(path)
    assert (encoder.device, encoder.dtype) == ("cpu", "int8")
    least = 0.998 if path == DEMO_MODEL else 0.95
    found = embeddings(encoder)
    for some, others in zip(found, expected, strict=True):
        assert lowest_cosine(some, others) > least
    # ALIGN's image encoder consists of convolutions, which stay in float32.
    assert not np.array_equal(found[1], expected[1])


def test_every_family_is_accelerated_in_int8_too(path: Path) -> None:
    stock = embeddings(make(path, accelerated=False))
    with capture_logs() as logs:
        encoder = make(path, threads=3)
    assert "warning" not in {line["log_level"] for line in logs}
    for some, others in zip(embeddings(encoder), stock, strict=True):
        assert lowest_cosine(some, others) > 0.95


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_every_family_runs_in_half_precision_on_a_cpu(path: Path, dtype: str) -> None:
    if dtype == "float16" and "align" in path.name:
        pytest.skip("the numbers of this tiny model are of 1e-17, which float16 takes for zero")
    expected = embeddings(make(path, "float32"))
    for some, others in zip(embeddings(make(path, dtype)), expected, strict=True):
        assert lowest_cosine(some, others) > 0.98


def test_the_layers_of_both_towers_are_in_int8() -> None:
    checkpoint = open_checkpoint(Source(str(DEMO_MODEL)))
    assert sum(type(module) is nn.Linear for module in checkpoint.model.modules()) == 50
    ClipEncoder(checkpoint, "cpu", "int8", accelerated=False)
    types = [type(module) for module in checkpoint.model.modules()]
    assert (types.count(nn.Linear), types.count(QuantizedLinear)) == (0, 50)


def test_threads_and_batches_are_those_of_the_whole_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Although layers in int8 have no parameters."""
    parameters = open_checkpoint(Source(str(DEMO_MODEL))).model.vision_model.num_parameters()
    monkeypatch.setattr("worker.model.cpu.accelerate.SMALL_PARAMETERS", parameters)
    monkeypatch.setattr("worker.model.warmup.PARAMETERS_ON_CPU", 4 * parameters)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with capture_logs() as logs:
            encoder = make(DEMO_MODEL, threads=0)
    finally:
        torch.set_num_threads(before)
    assert encoder.batch_size == 4
    [chosen] = [line for line in logs if line["event"] == "threads_chosen"]
    assert chosen["threads"] == 3


@torch.inference_mode()
def test_layers_whose_weights_others_use_stay_in_float32() -> None:
    model = Model().eval()
    quick = copy.deepcopy(model)
    quantize_linear_layers(quick)
    types = [type(module) for module in quick.layers]
    assert types == [QuantizedLinear, nn.GELU, QuantizedLinear]
    assert type(quick.attention.out_proj) is type(model.attention.out_proj)
    for shape in ((1, 1, 96), (3, 50, 96), (8, 197, 96)):
        inputs = torch.randn(shape)
        found, expected = quick(inputs).flatten(), model(inputs).flatten()
        assert torch.cosine_similarity(found, expected, 0) > 0.999


def test_each_output_channel_has_its_own_scale() -> None:
    linear = nn.Linear(64, 8, bias=False)
    linear.weight.data.mul_(torch.logspace(-6, 3, 8)[:, None])
    inputs = torch.randn(100, 64)
    with torch.inference_mode():
        expected, found = linear(inputs), QuantizedLinear(linear)(inputs)
    assert torch.cosine_similarity(found, expected, dim=0).min() > 0.999


def test_a_channel_of_zeros_stays_zero() -> None:
    linear = nn.Linear(64, 8)
    linear.weight.data[3] = 0
    with torch.inference_mode():
        quantized = QuantizedLinear(linear)
        assert quantized(torch.ones(1, 64))[0, 3] == linear.bias[3]
    weight = quantized._run.weight()  # type: ignore[operator]
    assert weight.int_repr()[3].abs().max() == 0
    assert weight.q_per_channel_scales().min() > 0


def test_the_shape_and_type_of_the_weights_can_still_be_asked_for() -> None:
    linear = nn.Linear(96, 384)
    weight = QuantizedLinear(linear).weight
    assert (weight.shape, weight.dtype) == (linear.weight.shape, linear.weight.dtype)


def test_torch_still_has_the_layers_and_its_deprecation_is_not_printed() -> None:
    """If this fails, torch has dropped or changed them: see its release notes for a successor."""
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)  # not just the first time in a process
    try:
        with warnings.catch_warnings(record=True) as printed:
            warnings.simplefilter("always")
            layer = QuantizedLinear(nn.Linear(64, 8))
    finally:
        torch.set_warn_always(before)
    assert printed == []
    assert isinstance(layer._run, dynamic.Linear)
    weight = layer._run.weight()  # type: ignore[no-untyped-call]
    assert (weight.dtype, weight.qscheme()) == (torch.qint8, torch.per_channel_affine)


@pytest.mark.parametrize("failure", [RuntimeError("no engine"), AttributeError("no Linear")])
def test_a_torch_without_them_is_a_load_error(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(dynamic, "Linear", fail)
    with pytest.raises(ModelLoadError, match=r"has no int8 here \(no"):
        quantize_linear_layers(Model())
