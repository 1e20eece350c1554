"""Edits of a label set, also while it changes, and ranking by a set that changes."""

import pytest
from clip_api_client import JobDocument, errors
from clip_api_client.candidates import wish_of
from clip_api_client.core import rank_call
from clip_api_client.label_sets import edit, fetch
from clip_api_client.pieces import unnamed
from clip_api_client.ranking import ranked_job
from clip_api_client.results import Ranked
from clip_api_client.retries import Patience

from tests.client.label_set_service import LabelSetService

PATIENCE = Patience()


def do_nothing() -> None: ...


def test_an_edit_that_another_one_replaced_is_made_again() -> None:
    service = LabelSetService("dress", "jeans", templates=("a {}",))
    other = {**service.body, "candidates": [{"text": "dress"}, {"text": "hat"}]}
    service.interrupts.extend([do_nothing, lambda: service.put(other)])
    stored = service.run(edit("clothes", PATIENCE, add=["pizza"], remove=["jeans"]))
    assert stored.labels == service.labels == ["dress", "hat", "pizza"]
    assert [each["templates"] for each in service.puts] == [["a {}"], ["a {}"]]


def test_an_edit_that_stays_is_put_once() -> None:
    service = LabelSetService("dress")
    service.interrupts.extend([do_nothing, lambda: service.add("hat")])
    stored = service.run(edit("clothes", PATIENCE, add=["pizza"]))
    assert stored.labels == service.labels == ["dress", "pizza", "hat"]
    assert len(service.puts) == 1


def test_an_edit_that_is_replaced_again_and_again_is_an_error() -> None:
    service = LabelSetService("dress")
    for other in ("one", "two"):
        lost = {**service.body, "candidates": [{"text": other}]}
        service.interrupts.extend([do_nothing, lambda lost=lost: service.put(lost)])  # type: ignore[misc]
    words = "Label set 'clothes' was changed at the same time. Try again."
    with pytest.raises(errors.RequestError, match=words):
        service.run(edit("clothes", PATIENCE, add=["pizza"]))


def test_templates_are_replaced_and_labels_stay() -> None:
    service = LabelSetService("dress", "jeans", templates=("a {}",))
    stored = service.run(edit("clothes", PATIENCE, templates=["{}, drawn", "a photo of a {}"]))
    assert stored.labels == ["dress", "jeans"]
    assert stored.templates == ["{}, drawn", "a photo of a {}"]


def test_the_alpha_of_a_set_stays() -> None:
    service = LabelSetService("dress")
    service.put({**service.body, "alpha": "white"})
    assert service.run(edit("clothes", PATIENCE, add=["jeans"])).alpha == "white"
    assert [each["alpha"] for each in service.puts] == ["white"]


def test_a_set_whose_candidates_are_unknown_is_not_edited() -> None:
    service = LabelSetService("dress")
    service.body["candidates"] = []
    words = "The service does not return the candidates of label set 'clothes'. Store the whole"
    found = service.run(fetch("clothes", PATIENCE)).model_copy(update={"count": 1})
    service._document = lambda: found.model_dump(mode="json")  # type: ignore[method-assign]
    with pytest.raises(errors.RequestError, match=words):
        service.run(edit("clothes", PATIENCE, add=["pizza"]))


def ranked(service: LabelSetService, change: object) -> Ranked:
    """Rank with a set that changes after its labels were read."""
    found = service.run(fetch("clothes", PATIENCE))
    assert callable(change)
    change()
    call = rank_call([b"x"], None, {"label_set": found}, PATIENCE)
    [steps] = call.pieces
    [row] = service.run(steps).rows
    assert isinstance(row, Ranked)
    return row


def test_labels_are_those_of_the_version_that_ranked() -> None:
    service = LabelSetService("dress", "jeans")
    lost = {**service.body, "candidates": [{"text": "hat"}, {"text": "pizza"}]}
    assert ranked(service, do_nothing).best.label == "dress"
    assert service.gets == 1
    row = ranked(service, lambda: service.put(lost))
    assert list(row.labels) == ["hat", "pizza"]


def test_labels_are_numbers_if_the_set_changed_again() -> None:
    service = LabelSetService("dress", "jeans")

    def change() -> None:
        service.add("hat")
        service.interrupts.append(lambda: service.add("pizza"))

    row = ranked(service, change)
    assert [each.label for each in row.candidates] == ["#0", "#1", "#2"]


@pytest.mark.parametrize(("told", "labels"), [(["hat", None], ["hat", "#1"]), (None, ["#0", "#1"])])
def test_a_job_has_the_labels_of_the_version_that_it_used(
    told: list[str | None] | None, labels: list[str]
) -> None:
    service = LabelSetService("dress", "jeans")
    wish = wish_of(None, {"label_set": service.run(fetch("clothes", PATIENCE))})
    matrices = {"probabilities": [[0.7, 0.3]], "cosine_similarities": [[0.3, 0.2]]}
    job = JobDocument.model_validate(
        {
            "id": "1",
            "kind": "rank",
            "status": "done",
            "labels": told,
            "result": matrices,
            "progress": {"total": 1, "done": 1, "failed": 0},
            **dict.fromkeys(["created_at", "started_at", "finished_at"], "2026-01-31T12:00:00Z"),
        }
    )
    [row] = ranked_job(unnamed(1), wish, job).rows
    assert [each.label for each in row.candidates] == labels
