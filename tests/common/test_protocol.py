from typing import Any

import numpy as np
import orjson
import pytest

from common.protocol import (
    MAX_MODEL_CHARS,
    MAX_PART_ITEMS,
    MAX_PART_PICTURES,
    MAX_TEXT_CHARS,
    MAX_URL_CHARS,
    Broken,
    Fault,
    Item,
    ModelInfo,
    PartAbout,
    PartResult,
    Timings,
    dump_items,
    dump_result,
    lane_of,
    load_about,
    load_items,
    load_result,
    queue_of,
    queues_of,
    split_queue,
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


ROW = ["text", "a", 1, True]
DIGEST = "0f" * 32


@pytest.mark.parametrize(
    "rows",
    [
        None,
        {},
        [],
        [[]],
        [ROW[:3]],
        [[*ROW, 1]],
        [{"kind": "text", "value": "a", "queries": 1, "required": True}],
        [["file", "/etc/passwd", 1, True]],
        [["text", 1, 1, True]],
        [["text", None, 1, True]],
        [["text", "a", -1, True]],
        [["text", "a", 10**9, True]],
        [["text", "a", True, True]],
        [["text", "a", 1.0, True]],
        [["text", "a", 1, 1]],
        [["text", "x" * (MAX_TEXT_CHARS + 1), 1, True]],
        [["uri", "x" * (MAX_URL_CHARS + 1), 1, True]],
        [["blob", "../" + DIGEST, 1, True]],
        [["blob", DIGEST.upper(), 1, True]],
        [["blob", DIGEST + "\n", 1, True]],
        [ROW, ROW],
        [["text", str(n), 1, True] for n in range(MAX_PART_ITEMS + 1)],
        [["uri", str(n), 1, True] for n in range(MAX_PART_PICTURES + 1)],
    ],
    ids=lambda rows: repr(rows)[:40],
)
def test_items_of_another_shape_are_refused(rows: object) -> None:
    with pytest.raises(Broken):
        load_items(orjson.dumps(rows))


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[" * 100_000, b"9" * 100_000])
def test_items_that_are_no_json_are_refused(raw: bytes) -> None:
    with pytest.raises(Broken):
        load_items(raw)


ABOUT: dict[str, Any] = {
    "model": {"name": "m", "revision": "r", "dimension": 2, "logit_scale": 1.0},
    "faults": [],
    "truncated": [],
    "timings": {},
}


def test_what_is_known_of_a_part_may_leave_out_what_has_a_default() -> None:
    assert load_about(orjson.dumps(ABOUT)).model == ModelInfo("m", "r", 2, 1.0)


@pytest.mark.parametrize(
    "change",
    [
        {"model": None},
        {"model": {**ABOUT["model"], "dimension": 0}},
        {"model": {**ABOUT["model"], "dimension": 10**12}},
        {"model": {**ABOUT["model"], "logit_scale": "1"}},
        {"model": {**ABOUT["model"], "activation": "exec"}},
        {"model": {**ABOUT["model"], "name": ["m"]}},
        {"faults": [["0", {"code": "c", "detail": "d"}]]},
        {"faults": [[0, {"code": "c"}]]},
        {"faults": {"0": {"code": "c", "detail": "d"}}},
        {"truncated": [-1]},
        {"truncated": 5},
        {"timings": {"queue": "long"}},
    ],
)
def test_what_is_known_of_a_part_in_another_shape_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Broken):
        load_about(orjson.dumps({**ABOUT, **change}))


@pytest.mark.parametrize("fields", [{}, {b"vectors": b""}, {b"about": orjson.dumps(ABOUT)[:-1]}])
def test_a_result_without_its_fields_is_refused(fields: dict[bytes, bytes]) -> None:
    with pytest.raises(Broken):
        load_result(fields)


def test_embeddings_of_another_dimension_are_refused() -> None:
    with pytest.raises(Broken, match="dimension"):
        load_result({b"about": orjson.dumps(ABOUT), b"vectors": b"1234" * 3})


def test_the_default_model_has_the_queues_without_a_name() -> None:
    models = ("one", "org/two")
    assert queues_of(lane_of("one", models)) == ("interactive", "bulk")
    assert queues_of(lane_of("any", ())) == ("interactive", "bulk")
    assert queues_of(lane_of("org/two", models)) == ("interactive:org/two", "bulk:org/two")


@pytest.mark.parametrize("kind", ["interactive", "bulk"])
@pytest.mark.parametrize("lane", ["", "org/two", "/a/folder", "a:b", "x" * MAX_MODEL_CHARS])
def test_a_queue_tells_its_kind_and_lane(kind: str, lane: str) -> None:
    assert split_queue(queue_of(kind, lane)) == (kind, lane)


@pytest.mark.parametrize(
    "queue",
    [
        "",
        "stolen",
        "Bulk",
        "bulk ",
        "bulk:",
        ":m",
        "clip:jobs",
        "bulk:a b",
        "bulk:a,b",
        "bulk:a\n",
        "bulk:a\x06\x16",
        "bulk:" + "x" * (MAX_MODEL_CHARS + 1),
    ],
)
def test_another_queue_is_none(queue: str) -> None:
    with pytest.raises(Broken):
        split_queue(queue)
