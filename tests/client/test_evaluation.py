"""The counts of an evaluation."""

from clip_api_client.cli.evaluation import Confusion, Evaluation

LABELS = ["a", "b", "c", "d", "e", "f"]


def cosines(*best: int) -> list[float]:
    """The cosines of an image to each label: these come first, in this order, then the others."""
    order = [*best, *(place for place in range(len(LABELS)) if place not in best)]
    return [1.0 - order.index(place) / 10 for place in range(len(LABELS))]


def test_the_right_label_is_counted_by_its_place() -> None:
    evaluation = Evaluation("m", "float32", LABELS)
    evaluation.add(0, cosines(0), "1.jpg")
    evaluation.add(0, cosines(1, 2, 3, 4, 0), "2.jpg")
    evaluation.add(0, cosines(1, 2, 3, 4, 5, 0), "3.jpg")
    evaluation.add(1, cosines(1), "4.jpg")
    assert (evaluation.total.top_1, evaluation.total.top_5) == (0.5, 0.75)
    worst, other = evaluation.by_label()
    assert (worst.label, worst.images, worst.top_1) == ("a", 3, 1 / 3)
    assert worst.confusions == [Confusion("b", 2, "2.jpg")]
    assert (other.label, other.top_1, other.confusions) == ("b", 1.0, [])


def test_of_equal_cosines_the_first_label_is_first() -> None:
    evaluation = Evaluation("m", "float32", LABELS)
    evaluation.add(0, [0.5] * 6, "1.jpg")
    evaluation.add(5, [0.5] * 6, "2.jpg")
    assert [each.first for each in evaluation.by_label()] == [0, 1]
    assert [each.among_first for each in evaluation.by_label()] == [0, 1]
    assert evaluation.by_label()[0].confusions == [Confusion("a", 1, "2.jpg")]


def test_confusions_are_in_the_order_of_their_number_and_the_worst_labels_first() -> None:
    evaluation = Evaluation("m", "float32", LABELS)
    for number, (label, best) in enumerate([(0, 2), (0, 1), (0, 1), (3, 4), (1, 0), (1, 1)]):
        evaluation.add(label, cosines(best), f"{number}.jpg")
    worst = evaluation.by_label()
    assert [each.label for each in worst] == ["a", "d", "b"]
    assert worst[0].confusions == [Confusion("b", 2, "1.jpg"), Confusion("c", 1, "0.jpg")]


def test_images_that_failed_have_no_accuracy() -> None:
    evaluation = Evaluation("m", "float32", LABELS)
    evaluation.add_failed(0)
    assert (evaluation.total.failed, evaluation.total.images, evaluation.total.top_1) == (
        1,
        0,
        None,
    )
    assert evaluation.by_label() == []


def test_memory_does_not_grow_with_the_number_of_images() -> None:
    evaluation = Evaluation("m", "float32", LABELS)
    for number in range(10_000):
        evaluation.add(number % 2, cosines(1), f"{number}.jpg")
    counts = evaluation.by_label()[0]
    assert evaluation.total.images == 10_000
    assert (dict(counts.taken_for), counts.examples) == ({"b": 5_000}, {"b": "0.jpg"})
