import numpy as np

from common.protocol import (
    Fault,
    Item,
    ModelInfo,
    PartAbout,
    PartResult,
    Timings,
    dump_items,
    dump_result,
    load_items,
    load_result,
)


def test_items_survive_the_journey() -> None:
    items = [Item("text", "naïve \0 ✓", 1, required=True), Item("uri", "", 0, required=False)]
    assert load_items(dump_items(items)) == items


def test_results_survive_the_journey() -> None:
    sent = PartResult(
        vectors=np.array([[0.1, -2.5, 3e-9], [0, 0, 0]], dtype=np.float32),
        about=PartAbout(
            model=ModelInfo("m", "r", 3, 99.5, -12.0, "sigmoid"),
            faults={1: Fault("not_an_image", "is none")},
            truncated=(0,),
            timings=Timings(0.1, 0.2, 0.3, 0.4),
        ),
    )
    got = load_result({name.encode(): value for name, value in dump_result(sent).items()})
    assert got.vectors.dtype == np.float32
    assert np.array_equal(got.vectors, sent.vectors)
    assert got.about == sent.about
