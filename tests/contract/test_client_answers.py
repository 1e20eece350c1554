"""The client's models have the fields of the service's answers."""

from clip_api_client.answers import Worker

from api.answer.fleet import Worker as Answered


def test_a_worker_has_all_that_the_service_tells() -> None:
    assert set(Answered.model_fields) == set(Worker.model_fields)
