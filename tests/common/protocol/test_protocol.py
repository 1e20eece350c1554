import numpy as np
import orjson
import pytest

from common.protocol.messages import (
    Fault,
    Item,
    ModelInfo,
    PartAbout,
    PartResult,
    Timings,
    model_queue_of,
    queues_of,
)
from common.protocol.records import (
    CorruptRecord,
    dump_items,
    dump_result,
    load_about,
    load_items,
    load_result,
)


def test_items_survive_the_journey() -> None:
    items = [Item("text", "naïve \0 ✓", 1, required=True), Item("uri", "", 0, required=False)]
    assert load_items(dump_items(items)) == items


def test_templates_travel_once_however_many_items_have_them() -> None:
    templates = ("{} in one place", "{} in another")
    items = [Item("text", f"{n}", 0, required=True, templates=templates) for n in range(9)]
    items += [
        Item("text", "q", 1, required=True),
        Item("blob", "d", 1, required=True, alpha="white"),
    ]
    raw = dump_items(items)
    assert raw.count(b"in one place") == 1
    assert load_items(raw) == items
    assert [item.inputs for item in items] == [2] * 9 + [1, 1]
    assert list(items[4].prompts) == ["4 in one place", "4 in another"]
    assert list(items[9].prompts) == ["q"]


def test_results_survive_the_journey() -> None:
    sent = PartResult(
        vectors=np.array([[0.1, -2.5, 3e-9], [0, 0, 0]], dtype=np.float32),
        about=PartAbout(
            model=ModelInfo("m", "r", 3, 99.5, -12.0, "sigmoid"),
            faults={1: Fault("not_an_image", "is none")},
            truncated=(0,),
            timings=Timings(0.1, 0.2, 0.3, 0.4),
            transparent=(1,),
            tokens=(9, 0),
        ),
    )
    got = load_result({name.encode(): value for name, value in dump_result(sent).items()})
    assert got.vectors.dtype == np.float32
    assert np.array_equal(got.vectors, sent.vectors)
    assert got.about == sent.about


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff",
        b"{}",
        b"[[]]",
        b'[[[]], [["file", "a", 1, true, 0]]]',
        b'[[], [["text", "a", 1, true, 0]]]',
    ],
)
def test_corrupt_items_are_refused(raw: bytes) -> None:
    with pytest.raises(CorruptRecord):
        load_items(raw)


MODEL = {"name": "m", "revision": "r", "dimension": 2, "logit_scale": 1.0}
ABOUT = {"model": MODEL, "faults": [], "truncated": [], "timings": {}}


def test_what_has_a_default_may_be_left_out() -> None:
    assert load_about(orjson.dumps(ABOUT)).model == ModelInfo("m", "r", 2, 1.0)


def test_a_refusal_names_the_field_and_not_its_content() -> None:
    corrupt = {**ABOUT, "model": {**MODEL, "logit_scale": "secret"}}
    with pytest.raises(CorruptRecord, match=r"^model/logit_scale: ") as refusal:
        load_about(orjson.dumps(corrupt))
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("fields", [{}, {b"vectors": b""}, {b"about": orjson.dumps(ABOUT)[:-1]}])
def test_a_result_without_its_fields_is_refused(fields: dict[bytes, bytes]) -> None:
    with pytest.raises(CorruptRecord):
        load_result(fields)


def test_embeddings_of_another_dimension_are_refused() -> None:
    with pytest.raises(CorruptRecord, match="dimension"):
        load_result({b"about": orjson.dumps(ABOUT), b"vectors": b"1234" * 3})


def test_the_default_model_has_the_queues_without_a_name() -> None:
    models = ("one", "org/two")
    assert queues_of(model_queue_of("one", models)) == ("interactive", "bulk")
    assert queues_of(model_queue_of("any", ())) == ("interactive", "bulk")
    assert queues_of(model_queue_of("org/two", models)) == ("interactive:org/two", "bulk:org/two")
