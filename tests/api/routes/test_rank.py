import base64
import time
from typing import Any
from urllib.parse import quote

import pytest

from common.protocol.messages import MAX_URL_CHARS
from standalone.greeting import LABELS
from tests.conftest import ClientMaker
from tests.image_server import ImageServer, Stalling
from tests.images import blob, encoded, image_item, noise
from tests.processes import SAMPLES, Api

CAT = {"text": "a cat"}
DOG = {"text": "a dog"}


def rank(service: Api, queries: list[Any], candidates: list[Any], **more: Any) -> Any:
    return service.post("/rank", {"queries": queries, "candidates": candidates, **more})


def test_the_answer_has_two_matrices_and_nothing_else(service: Api) -> None:
    answer = rank(service, [image_item(0), image_item(1)], [CAT, DOG, {"text": "a house"}])
    assert answer.status_code == 200
    assert list(answer.json()) == ["probabilities", "cosine_similarities"]
    for matrix in answer.json().values():
        assert [len(row) for row in matrix] == [3, 3]
    for row in answer.json()["probabilities"]:
        assert sum(row) == pytest.approx(1, abs=1e-5)


def test_a_t_shirt_is_a_t_shirt(service: Api) -> None:
    image = blob((SAMPLES / "t-shirt.png").read_bytes())
    [row] = rank(service, [image], [{"text": label} for label in LABELS]).json()["probabilities"]
    assert LABELS[row.index(max(row))] == "t-shirt"


def test_a_text_may_be_ranked_against_images(service: Api) -> None:
    candidates = [blob((SAMPLES / name).read_bytes()) for name in ("t-shirt.png", "cat.png")]
    [row] = rank(service, [CAT], candidates).json()["probabilities"]
    assert row[1] > row[0]


def test_texts_and_images_mix_on_either_side(service: Api) -> None:
    answer = rank(service, [CAT, image_item(0)], [image_item(0), CAT]).json()
    cosines = answer["cosine_similarities"]
    assert cosines[0][1] == pytest.approx(1, abs=1e-6)
    assert cosines[1][0] == pytest.approx(1, abs=1e-6)
    assert cosines[0][0] == pytest.approx(cosines[1][1], abs=1e-6)


def test_the_order_of_the_answer_is_that_of_the_request(service: Api) -> None:
    forth = rank(service, [image_item(0), image_item(1)], [CAT, DOG]).json()
    back = rank(service, [image_item(1), image_item(0)], [DOG, CAT]).json()
    assert [row[::-1] for row in back["cosine_similarities"][::-1]] == [
        pytest.approx(row, abs=1e-6) for row in forth["cosine_similarities"]
    ]


def test_sixty_four_images_in_one_request(service: Api) -> None:
    answer = rank(service, [image_item(seed) for seed in range(64)], [CAT, DOG])
    assert answer.status_code == 200
    assert len(answer.json()["probabilities"]) == 64


def test_null_counts_as_absent(service: Api) -> None:
    item = {"text": "a cat", "img_uri": None, "img_blob": None}
    assert rank(service, [item], [CAT]).status_code == 200


def test_a_truncated_text_is_reported(service: Api) -> None:
    long = {"text": "very " * 300 + "long"}
    answer = rank(service, [image_item()], [CAT, long, long])
    assert answer.status_code == 200
    assert answer.headers["X-Truncated-Texts"] == "2"
    assert "X-Truncated-Texts" not in rank(service, [image_item()], [CAT]).headers


def test_the_answer_has_its_job_and_its_timings(service: Api) -> None:
    headers = rank(service, [{"text": f"new at {time.monotonic_ns()}"}], [CAT]).headers
    assert len(headers["X-Job-Id"]) == 32
    names = [metric.partition(";")[0] for metric in headers["Server-Timing"].split(", ")]
    assert names == ["queue", "fetch", "decode", "inference"]


def test_a_image_is_fetched_from_its_url(service: Api, image_server: ImageServer) -> None:
    content = encoded(noise(90, 70))
    url = image_server.serve(content)
    by_url = rank(service, [{"img_uri": url}], [CAT, DOG]).json()
    assert by_url == rank(service, [blob(content)], [CAT, DOG]).json()


def test_a_data_uri_is_an_image_whichever_key_it_stands_in(service: Api) -> None:
    content = encoded(noise(300, 200, seed=5))
    digits = base64.b64encode(content).decode()
    assert len(digits) > MAX_URL_CHARS
    uris = [f"data:image/png;base64,{digits}", f"data:;base64,{digits}"]
    queries = [{key: uri} for key in ("img_uri", "img_blob") for uri in uris]
    answer = rank(service, [*queries, {"img_uri": f"data:,{quote(content)}"}], [CAT, DOG])
    assert answer.status_code == 200, answer.text
    [expected] = rank(service, [blob(content)], [CAT, DOG]).json()["probabilities"]
    assert answer.json()["probabilities"] == [expected] * 5


BAD_ITEMS: list[tuple[Any, str, str]] = [
    ({}, "", "empty_item"),
    ({"text": None}, "", "empty_item"),
    ({"text": "a", "img_uri": "http://example.org/x.png"}, "", "ambiguous_item"),
    ({"img_url": "http://example.org/x.png"}, "/img_url", "unknown_key"),
    ({"text": 1}, "/text", "wrong_type"),
    ("a cat", "", "wrong_type"),
    ({"img_blob": "?"}, "/img_blob", "invalid_base64"),
    ({"img_blob": ""}, "/img_blob", "invalid_base64"),
    (blob(b"not an image"), "/img_blob", "not_an_image"),
    (blob(encoded(noise(60, 60))[:300]), "/img_blob", "not_an_image"),
    ({"img_uri": "file:///etc/passwd"}, "/img_uri", "url_refused"),
    ({"img_uri": "x.png"}, "/img_uri", "url_refused"),
    ({"img_uri": "data:image/png;base64,?"}, "/img_uri", "invalid_base64"),
    ({"img_uri": "data:image/png;base64,bm90IG9uZQ=="}, "/img_uri", "not_an_image"),
    ({"img_uri": "data:text/html,<html>"}, "/img_uri", "not_an_image"),
    ({"img_blob": "data:,not%20one"}, "/img_blob", "not_an_image"),
    ({"img_uri": "http://127.0.0.1:9/x.png"}, "/img_uri", "fetch_failed"),
]


@pytest.mark.parametrize(("item", "place", "code"), BAD_ITEMS)
@pytest.mark.parametrize("side", ["queries", "candidates"])
def test_a_bad_item_is_named(service: Api, item: Any, place: str, code: str, side: str) -> None:
    body = {"queries": [CAT], "candidates": [DOG]}
    body[side] = [CAT, item]
    answer = service.post("/rank", body)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (422, "invalid_request")
    assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [(f"/{side}/1{place}", code)]


def test_all_bad_items_are_listed(service: Api) -> None:
    bad = blob(b"not an image")
    unreachable = {"img_uri": "http://127.0.0.1:9/x.png"}
    answer = rank(service, [bad, CAT, bad], [DOG, unreachable])
    assert {(e["pointer"], e["code"]) for e in answer.json()["errors"]} == {
        ("/queries/0/img_blob", "not_an_image"),
        ("/queries/2/img_blob", "not_an_image"),
        ("/candidates/1/img_uri", "fetch_failed"),
    }


def test_a_failing_query_may_be_left_out(service: Api) -> None:
    bad = blob(b"not an image")
    answer = rank(service, [image_item(), bad], [CAT, DOG], allow_partial=True)
    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == ["probabilities", "cosine_similarities", "errors"]
    assert body["probabilities"][1] is None
    assert body["cosine_similarities"][1] is None
    assert len(body["probabilities"][0]) == 2
    [error] = body["errors"]
    assert (error["pointer"], error["code"]) == ("/queries/1/img_blob", "not_an_image")


def test_nothing_is_said_of_errors_when_none_happened(service: Api) -> None:
    answer = rank(service, [image_item()], [CAT], allow_partial=True)
    assert list(answer.json()) == ["probabilities", "cosine_similarities"]


def test_a_failing_candidate_always_fails_the_request(service: Api) -> None:
    answer = rank(service, [CAT], [DOG, blob(b"not an image")], allow_partial=True)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/candidates/1/img_blob"


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ([], "", "wrong_type"),
        ({"candidates": [CAT]}, "/queries", "missing"),
        ({"queries": [], "candidates": [CAT]}, "/queries", "too_few"),
        ({"queries": [CAT], "candidates": []}, "/candidates", "too_few"),
        ({"queries": CAT, "candidates": [CAT]}, "/queries", "wrong_type"),
        ({"queries": [CAT], "candidates": [CAT], "a/b~": 1}, "/a~1b~0", "unknown_key"),
        (
            {"queries": [CAT], "candidates": [CAT], "allow_partial": 1},
            "/allow_partial",
            "wrong_type",
        ),
    ],
)
def test_a_request_of_another_shape_is_refused(
    service: Api, body: Any, pointer: str, code: str
) -> None:
    answer = service.post("/rank", body)
    assert answer.status_code == 422
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, code)]


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'{"queries": NaN}', b'{"a": "\\ud800"}'])
def test_what_is_not_json_is_refused(make_client: ClientMaker, raw: bytes) -> None:
    answer = make_client().post("/rank", data=raw, content_type="application/json")
    assert (answer.status_code, answer.get_json()["code"]) == (400, "not_json")


def test_another_media_type_is_refused(make_client: ClientMaker) -> None:
    answer = make_client().post("/rank", data=b"{}", content_type="text/plain")
    assert (answer.status_code, answer.get_json()["code"]) == (415, "unsupported_media_type")


def test_too_large_a_body_is_refused(make_client: ClientMaker) -> None:
    answer = make_client(max_body_bytes=100).post("/rank", json={"queries": ["x" * 200]})
    assert (answer.status_code, answer.get_json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("side", ["queries", "candidates"])
def test_too_many_items_are_refused(make_client: ClientMaker, side: str) -> None:
    client = make_client(max_queries=2, max_candidates=2)
    body = {"queries": [CAT], "candidates": [DOG], side: [CAT] * 3}
    answer = client.post("/rank", json=body)
    assert answer.status_code == 422
    [error] = answer.get_json()["errors"]
    assert (error["pointer"], error["code"]) == (f"/{side}", "too_many")


def test_too_large_a_image_is_refused(make_client: ClientMaker) -> None:
    client = make_client(max_image_bytes=50)
    answer = client.post("/rank", json={"queries": [image_item()], "candidates": [CAT]})
    assert answer.get_json()["errors"][0]["code"] == "image_too_large"


def test_a_request_that_takes_too_long_is_reported(
    make_client: ClientMaker, image_server: ImageServer
) -> None:
    stalling = Stalling(image_server, encoded(noise(9, 9)))
    body = {"queries": [{"img_uri": stalling.url}], "candidates": [CAT]}
    answer = make_client(sync_timeout_s=0.2).post("/rank", json=body)
    stalling.let_go.set()
    assert (answer.status_code, answer.get_json()["code"]) == (504, "deadline_exceeded")


def test_a_full_queue_is_reported_with_retry_after(make_client: ClientMaker) -> None:
    client = make_client(max_open_items=1, cached_embeddings=0)
    answer = client.post("/rank", json={"queries": [CAT], "candidates": [DOG]})
    assert (answer.status_code, answer.get_json()["code"]) == (503, "queue_full")
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_job_of_many_parts_comes_back_whole(make_client: ClientMaker) -> None:
    queries = [image_item(seed) for seed in range(7)]
    body = {"queries": queries, "candidates": [CAT, DOG]}
    in_parts = make_client(part_queries=2).post("/rank", json=body).get_json()
    at_once = make_client().post("/rank", json=body).get_json()
    for got, expected in zip(
        in_parts["cosine_similarities"], at_once["cosine_similarities"], strict=True
    ):
        assert got == pytest.approx(expected, abs=1e-6)
