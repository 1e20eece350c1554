"""The quick way gives the very numbers of the preprocessor itself."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from tests.images import noise
from worker.images.decode import DecodedImage
from worker.images.preprocess import (
    Preprocessor,
    ShortestEdgeCrop,
    Stretch,
    Whole,
    preprocessor,
    resolution,
)

Floats = npt.NDArray[np.float32]


def values(preprocess: Preprocessor, image: Image.Image) -> Floats:
    """What the model is given, of shape (3, height, width)."""
    prepared = preprocess(DecodedImage(image, image.size))["pixel_values"]
    if preprocess.normalise is None:
        return prepared
    assert prepared.dtype == np.uint8
    return np.moveaxis(prepared * preprocess.normalise.scale + preprocess.normalise.shift, -1, 0)


def clip_processor(**changes: Any) -> Any:
    return CLIPImageProcessorPil(**changes)


SIZES = [(224, 224), (300, 200), (640, 481), (223, 225), (64, 500), (1, 1), (1, 7), (37, 2), (3, 3)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("resample", [2, 3])
def test_the_numbers_are_those_of_the_preprocessor(size: tuple[int, int], resample: int) -> None:
    processor = clip_processor(resample=resample)
    quick = preprocessor(processor)
    assert isinstance(quick, ShortestEdgeCrop)
    image = noise(*size, seed=sum(size))
    expected = processor(images=[image], return_tensors="np")["pixel_values"][0]
    assert np.abs(values(quick, image) - expected).max() < 1e-6


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("resample", [2, 3])
def test_a_fixed_size_gives_the_same_numbers_too(size: tuple[int, int], resample: int) -> None:
    processor = clip_processor(
        size={"height": 48, "width": 64}, do_center_crop=False, resample=resample
    )
    quick = preprocessor(processor)
    assert isinstance(quick, Stretch)
    image = noise(*size, seed=sum(size))
    expected = processor(images=[image], return_tensors="np")["pixel_values"][0]
    assert np.abs(values(quick, image) - expected).max() < 1e-6


@pytest.mark.parametrize(
    "size", [(5000, 30), (20, 3000), (3, 2000), (7, 4001), (7000, 300), (1, 2001)]
)
def test_of_a_very_long_image_the_centre_is_as_good_as_the_same(size: tuple[int, int]) -> None:
    processor = clip_processor()
    image = noise(*size)
    expected = processor(images=[image], return_tensors="np")["pixel_values"][0]
    off = np.abs(values(preprocessor(processor), image) - expected)
    assert off.max() < 0.031, "more than two steps in 255"
    assert (off > 1e-6).mean() < 1e-3


def test_a_very_long_image_costs_no_more_than_its_centre() -> None:
    image = Image.new("RGB", (60_000, 1))
    assert values(preprocessor(clip_processor()), image).shape == (3, 224, 224)


@pytest.mark.parametrize(
    "changes",
    [
        {"size": {"height": 64, "width": 64}},
        {"size": {"shortest_edge": 32}, "crop_size": {"height": 64, "width": 64}},
        {"do_resize": False},
    ],
)
def test_another_geometry_is_left_to_the_preprocessor(changes: dict[str, Any]) -> None:
    processor = clip_processor(**changes)
    slow = preprocessor(processor)
    assert isinstance(slow, Whole)
    image = noise(100, 80)
    expected = processor(images=[image], return_tensors="np")["pixel_values"][0]
    assert np.allclose(values(slow, image), expected)
    assert resolution(slow) is None


def test_the_resolution_is_that_of_what_the_model_sees() -> None:
    processor = clip_processor(size={"shortest_edge": 64}, crop_size={"height": 48, "width": 32})
    assert resolution(preprocessor(processor)) == (48, 32)
    fixed = clip_processor(size={"height": 64, "width": 32}, do_center_crop=False)
    assert resolution(preprocessor(fixed)) == (64, 32)


@pytest.mark.parametrize(
    ("size", "least"),
    [
        ((4000, 3000), (2 * 298, 2 * 224)),
        ((3000, 4000), (2 * 224, 2 * 298)),
        ((100, 100), (448, 448)),
        ((100, 5000), None),
    ],
)
def test_twice_what_is_resized_to_is_useful(
    size: tuple[int, int], least: tuple[int, int] | None
) -> None:
    assert preprocessor(clip_processor()).smallest_useful(*size) == least


def test_for_a_fixed_size_it_is_twice_that() -> None:
    fixed = clip_processor(size={"height": 64, "width": 32}, do_center_crop=False)
    assert preprocessor(fixed).smallest_useful(4000, 3000) == (64, 128)


def test_where_the_preprocessor_decides_all_of_a_image_is_useful() -> None:
    assert preprocessor(clip_processor(do_resize=False)).smallest_useful(4000, 3000) is None
