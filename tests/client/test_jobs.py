"""Jobs in the background."""

import io
from collections.abc import Iterator

import pytest
from clip_api_client import Bar, Client, Embeddings, Progress, Ranking, errors
from clip_api_client.answers import JobDocument
from clip_api_client.core import found
from clip_api_client.problems import ending_of

from tests.image_server import ImageServer, Stalling
from tests.images import encoded, noise
from tests.processes import SAMPLES

T_SHIRT = SAMPLES / "t-shirt.png"


@pytest.fixture
def stalling(image_server: ImageServer) -> Iterator[Stalling]:
    stalling = Stalling(image_server, encoded(noise(16, 16, seed=5)))
    yield stalling
    stalling.let_go.set()


def test_it_is_submitted_waited_for_and_read(client: Client) -> None:
    job = client.submit([T_SHIRT, T_SHIRT], ["jeans", "t-shirt"])
    ranking = job.wait()
    assert [row.best.label for row in ranking] == ["t-shirt", "t-shirt"]
    assert ranking[0].name == str(T_SHIRT)
    assert job.status == "done"
    assert job.result is not None
    assert job.result.probabilities == ranking.probabilities
    assert client.submit_encode(T_SHIRT, ["a"]).wait().vectors[1] is not None


def test_its_progress_is_reported_to_the_end(client: Client) -> None:
    told: list[Progress] = []
    client.submit([T_SHIRT] * 3, ["a"]).wait(progress=told.append)
    assert told[-1] == Progress(3, 0, 3)
    assert [each.done for each in told] == sorted(each.done for each in told)


def test_a_job_goes_on_when_the_wait_ends(client: Client, stalling: Stalling) -> None:
    job = client.submit([stalling.url], ["a"])
    with pytest.raises(errors.DeadlineExceeded) as raised:
        job.wait(0.3)
    assert raised.value.job == job.id
    assert job.result is None
    stalling.let_go.set()
    assert len(job.wait()) == 1


def test_it_is_cancelled_once(client: Client, stalling: Stalling) -> None:
    job = client.submit([stalling.url], ["a"])
    job.cancel()
    assert job.status == "cancelled"
    with pytest.raises(errors.JobHasEnded):
        client.cancel(job.id)
    with pytest.raises(errors.JobCancelled):
        job.wait()


def test_it_is_deleted_and_then_unknown(client: Client) -> None:
    job = client.submit([T_SHIRT], ["a"])
    client.delete(job.id)
    with pytest.raises(errors.NotFound):
        job.refresh()


def test_its_failure_is_reported_by_name(client: Client) -> None:
    job = client.submit_encode([b"no image", T_SHIRT])
    with pytest.raises(errors.InvalidRequest, match="#0 is not an image") as raised:
        job.wait()
    assert job.status == "failed"
    assert [fault.code for fault in raised.value.faults] == ["not_an_image"]
    partial = client.submit([b"no image", T_SHIRT], ["a"], allow_partial=True).wait()
    assert [row.error is None for row in partial] == [False, True]


def test_it_is_found_again_by_its_id(client: Client) -> None:
    ranked = client.submit([T_SHIRT], ["jeans", "t-shirt"])
    ranked.wait()
    encoded_job = client.submit_encode([T_SHIRT])
    encoded_job.wait()
    ranking = client.job(ranked.id).result
    assert isinstance(ranking, Ranking)
    assert ranking[0].best.label == "t-shirt"
    assert isinstance(client.job(encoded_job.id).wait(), Embeddings)


def test_a_label_set_gives_its_labels_to_the_job(client: Client) -> None:
    client.put_label_set("clothes", ["jeans", T_SHIRT, "t-shirt"], ["a {}"])
    job = client.submit([T_SHIRT], label_set="clothes")
    job.wait()
    again = client.job(job.id)
    assert again.document.labels == ["jeans", None, "t-shirt"]
    assert isinstance(again.result, Ranking)
    assert {each.label for each in again.result[0].candidates} == {"jeans", "#1", "t-shirt"}


def test_a_job_of_a_service_without_labels_has_numbers() -> None:
    document = JobDocument.model_validate(
        {
            "id": "j",
            "kind": "rank",
            "status": "done",
            "progress": {"total": 1, "done": 1, "failed": 0},
            **dict.fromkeys(("created_at", "started_at", "finished_at"), "2026-01-01T00:00:00Z"),
            "result": {"probabilities": [[0.25, 0.75]], "cosine_similarities": [[0.1, 0.2]]},
        }
    )
    ranking = found(document).read(document)
    assert isinstance(ranking, Ranking)
    assert ranking[0].best.label == "#1"


def test_it_gives_its_metadata_back(client: Client) -> None:
    metadata = {"batch": "7", "städte": "Köln & Bonn"}
    ranked = client.submit([T_SHIRT], ["a"], metadata=metadata)
    encoded_job = client.submit_encode([T_SHIRT], metadata=metadata)
    for job in (ranked, encoded_job):
        assert job.metadata == metadata
        job.wait()
        assert client.job(job.id).metadata == metadata
    listed = {job.id: job.metadata for job in client.jobs()}
    assert listed[ranked.id] == listed[encoded_job.id] == metadata
    assert client.submit_encode([T_SHIRT]).metadata == {}
    with pytest.raises(errors.InvalidRequest):
        client.submit([T_SHIRT], ["a"], metadata={"key": "x" * 1000})


def test_the_jobs_of_a_call_have_its_metadata(client: Client) -> None:
    ranking = client.rank([encoded(noise(16, 16, seed=77))], ["a"], metadata={"batch": "8"})
    [job] = ranking.jobs
    assert client.job(job).metadata == {"batch": "8"}


def test_all_pages_are_listed(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clip_api_client.jobs.PAGE", 2)
    sent = [client.submit_encode(texts=[f"{number}"]) for number in range(5)]
    for job in sent:
        job.wait()
    listed = [job.id for job in client.jobs("done")]
    assert listed[:5] == [job.id for job in reversed(sent)]


def test_an_odd_id_leads_nowhere_else(client: Client) -> None:
    for odd in ("../workers", "?status=done", ""):
        with pytest.raises(errors.ClipError):
            client.job(odd)


def test_a_bar_is_drawn_on_one_line_of_a_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        bar = Bar(stream)
        bar(Progress(1, 0, 4))
        bar(Progress(4, 1, 4))
    assert terminal.getvalue().startswith("\r[#######.....")
    assert terminal.getvalue().endswith("] 4/4, 1 failed  0 s\n")
    assert file.getvalue().count("\n") == 1


def test_a_job_that_failed_for_lack_of_memory_may_be_sent_again() -> None:
    fault = {"pointer": "/queries/0/img_blob", "code": "no_memory", "detail": "did not fit"}
    document = JobDocument.model_validate(
        {
            "id": "j",
            "kind": "rank",
            "status": "failed",
            "progress": {"total": 1, "done": 0, "failed": 1},
            **dict.fromkeys(("created_at", "started_at", "finished_at"), "2026-01-01T00:00:00Z"),
            "errors": [fault],
        }
    )
    error = ending_of(document)
    assert isinstance(error, errors.NoMemory)
    assert isinstance(error, errors.Unavailable)
    assert str(error) == "/queries/0/img_blob did not fit"
