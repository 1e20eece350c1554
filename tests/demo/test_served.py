"""The demonstration's model as a worker computes it, for `demo.evaluate --precision`."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from demo.samples import SAMPLES
from demo.scoring import similarities
from demo.served import Served, as_file
from tests.processes import DEMO_MODEL

NAMES = [sample.name for sample in SAMPLES]


@pytest.fixture(scope="module")
def photographs() -> list[Image.Image]:
    return [Image.open(sample.path).convert("RGB").resize((960, 960)) for sample in SAMPLES]


def test_it_is_the_same_model_in_each_precision(photographs: list[Image.Image]) -> None:
    files = [as_file(image, "PNG") for image in photographs]

    def cosines(precision: str) -> NDArray[np.float32]:
        served = Served(DEMO_MODEL, precision)
        shown = served.images(served.decoded(file, draft=True) for file in files)
        return shown @ served.texts(NAMES).T

    exact, rounded = cosines("float32"), cosines("bfloat16")
    assert exact == pytest.approx(similarities(DEMO_MODEL, photographs, NAMES), abs=1e-5)
    assert rounded == pytest.approx(exact, abs=0.02)
    assert rounded != pytest.approx(exact, abs=1e-4)


def test_a_jpeg_is_as_wide_as_a_photograph_and_may_be_decoded_smaller(
    photographs: list[Image.Image],
) -> None:
    served = Served(DEMO_MODEL, "float32")
    content = as_file(photographs[0], "JPEG")
    whole, draft = (served.decoded(content, draft=is_draft) for is_draft in (False, True))
    assert (whole.image.size, draft.image.size) == ((1280, 960), (160, 120))
    vectors = served.images([whole, draft])
    assert 0.9 < vectors[0] @ vectors[1] < 1
