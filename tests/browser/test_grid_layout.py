"""Where tiles are: the modules of the page that only compute, in the browser that runs them."""

from typing import Any

import pytest
from playwright.sync_api import Page

LAYOUTS = [
    {"width": 360, "least": 132, "hero": False},
    {"width": 360, "least": 100, "hero": True},
    {"width": 1280, "least": 132, "hero": True},
    {"width": 1280, "least": 148, "caption": 46, "hero": False},
]
COUNT = 57
BOXES = """async ([given, count]) => {
    const grid = await import("/playground/js/grid/layout.js");
    const { boxOf, heightOf, indexAt, layOut, placeOf } = grid;
    const layout = layOut(given.width, { gap: 12, ...given });
    const nths = [...Array(count).keys()];
    return {
        boxes: nths.map((nth) => boxOf(nth, layout)),
        back: nths.map((nth) => placeOf(nth, layout))
            .map(({ row, column }) => indexAt(row, column, layout)),
        height: heightOf(count, layout),
    };
}"""
RANGES = """async ([given, count, views]) => {
    const { boxOf, layOut, rangeOf } = await import("/playground/js/grid/layout.js");
    const layout = layOut(given.width, { gap: 12, ...given });
    return views.map(([top, bottom]) => ({
        range: rangeOf(top, bottom, count, layout),
        seen: [...Array(count).keys()].filter((nth) => {
            const { y, height } = boxOf(nth, layout);
            return y < bottom && y + height > top;
        }),
    }));
}"""
STEPS = """async ([given, count, steps]) => {
    const { layOut, stepOf } = await import("/playground/js/grid/layout.js");
    const layout = layOut(given.width, { gap: 12, ...given });
    return steps.map(([key, from]) => stepOf(key, from, count, layout, 3));
}"""


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_tiles_fill_the_width_and_do_not_overlap(modules: Page, layout: dict[str, Any]) -> None:
    found = modules.evaluate(BOXES, [layout, COUNT])
    boxes = found["boxes"]
    assert found["back"] == list(range(COUNT))
    assert max(box["x"] + box["width"] for box in boxes) == pytest.approx(layout["width"])
    assert max(box["y"] + box["height"] for box in boxes) == pytest.approx(found["height"])
    for nth, one in enumerate(boxes):
        for other in boxes[nth + 1 :]:
            beside = (
                one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
            )
            above = (
                one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
            )
            assert beside or above, (one, other)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_what_is_in_view_is_in_the_range_and_little_else(
    modules: Page, layout: dict[str, Any]
) -> None:
    views = [[top, top + 400] for top in range(-300, 3000, 70)]
    for found in modules.evaluate(RANGES, [layout, COUNT, views]):
        begin, end = found["range"]
        assert begin <= end <= COUNT
        assert set(found["seen"]) <= set(range(begin, end)), found
        columns = (layout["width"] + 12) // (layout["least"] + 12)
        assert end - begin <= len(found["seen"]) + 3 * columns, found


def test_keys_lead_to_neighbours_and_stop_at_the_ends(modules: Page) -> None:
    plain = {"width": 600, "least": 100, "hero": False}  # five columns
    steps = [
        ["ArrowRight", 0],
        ["ArrowLeft", 0],
        ["ArrowDown", 3],
        ["ArrowUp", 3],
        ["ArrowDown", 11],
    ]
    ends = [["End", 3], ["Home", 9], ["PageDown", 1], ["PageUp", 7], ["a", 1]]
    assert modules.evaluate(STEPS, [plain, 13, steps + ends]) == [
        *(1, 0, 8, 3, 11),
        *(12, 0, 11, 2, None),
    ]
    hero = {**plain, "hero": True}  # 0 0 1 2 3 / 0 0 4 5 6 / 7 8 9 …
    around = [
        ["ArrowDown", 0],
        ["ArrowDown", 1],
        ["ArrowDown", 4],
        ["ArrowUp", 8],
        ["ArrowRight", 3],
    ]
    assert modules.evaluate(STEPS, [hero, 13, around]) == [7, 4, 9, 0, 4]
