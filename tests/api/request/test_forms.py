"""`multipart/form-data` in place of JSON: the same answers, limits and errors."""

import json
import subprocess
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from api.request.forms import MAX_SINGLE_FIELDS
from api.request.multipart import MAX_BUFFERED_BYTES
from api.request.schemas import MAX_TEMPLATES
from tests.conftest import ClientMaker
from tests.images import blob, encoded, noise
from tests.processes import SAMPLES, Api, start_api
from tests.raw_http import RawAnswer, RawConnection, chunked, request

IMAGE, OTHER = (encoded(noise(40, 30, seed=seed)) for seed in range(2))
CAT, DOG = {"text": "a cat"}, {"text": "a dog"}
LIMIT = 100_000
FORM = "Content-Type: multipart/form-data; boundary=B"

Parts = list[tuple[str, str | bytes]]


@pytest.fixture(scope="module")
def api(service: Api, folder: Path, service_redis_url: str) -> Iterator[Api]:
    """Beside `service`, on its worker, with a small limit."""
    api = start_api(folder, service_redis_url, max_body_bytes=LIMIT)
    yield api
    api.stop()


def form(parts: Parts, boundary: str = "B") -> bytes:
    """The bytes of a form; what is bytes is sent as a file."""
    lines = []
    for name, value in parts:
        file = '; filename="a.png"' if isinstance(value, bytes) else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        content = value if isinstance(value, bytes) else value.encode()
        lines += [head.encode() + content + b"\r\n"]
    return b"".join(lines) + f"--{boundary}--\r\n".encode()


def post(client: Any, path: str, parts: Parts, boundary: str = "B", **headers: str) -> Any:
    body = form(parts, boundary)
    media_type = f"multipart/form-data; boundary={boundary}"
    return client.post(path, data=body, content_type=media_type, headers=headers)


def faults(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.data
    return [(fault["pointer"], fault["code"]) for fault in answer.get_json()["errors"]]


LABELS: Parts = [("candidate", "a cat"), ("candidate", "a dog")]
RANK: Parts = [("image", IMAGE), ("image", OTHER), *LABELS]


@pytest.mark.parametrize(
    ("parts", "body"),
    [
        (
            RANK,
            {"queries": [blob(IMAGE), blob(OTHER)], "candidates": [CAT, DOG]},
        ),
        (
            [("image", IMAGE), ("candidates", '["a cat", {"text": "a dog"}]')],
            {"queries": [blob(IMAGE)], "candidates": [CAT, DOG]},
        ),
        (
            [
                ("candidate", "a dog"),
                ("image", IMAGE),
                ("candidates", '["a cat"]'),
                ("queries", json.dumps([{"text": "x"}, blob(OTHER)])),
            ],
            {
                "queries": [{"text": "x"}, blob(OTHER), blob(IMAGE)],
                "candidates": [CAT, DOG],
            },
        ),
        (
            [*RANK, ("template", "a {}, 👕"), ("top_k", "1"), ("temperature", "2.5")],
            {
                "queries": [blob(IMAGE), blob(OTHER)],
                "candidates": [CAT, DOG],
                "template": "a {}, 👕",
                "top_k": 1,
                "temperature": 2.5,
            },
        ),
        (
            [
                *(*RANK, ("image", b"none"), ("allow_partial", "true")),
                *(("activation", "sigmoid"), ("templates", '["a {}", "{}"]')),
            ],
            {
                "queries": [blob(IMAGE), blob(OTHER), blob(b"none")],
                "candidates": [CAT, DOG],
                "allow_partial": True,
                "activation": "sigmoid",
                "templates": ["a {}", "{}"],
            },
        ),
    ],
)
def test_a_form_is_answered_as_the_json_that_it_stands_for(
    make_client: ClientMaker, parts: Parts, body: dict[str, Any]
) -> None:
    client = make_client()
    answer = post(client, "/rank", parts)
    assert answer.status_code == 200, answer.data
    assert answer.get_json() == client.post("/rank", json=body).get_json()


@pytest.mark.parametrize(
    ("text", "is_on"),
    [
        *((text, True) for text in ("true", "True", "TRUE", "on", "1", "yes", " Yes\r\n")),
        *((text, False) for text in ("false", "False", "off", "0", "No")),
    ],
)
def test_booleans_of_programs_and_browsers_are_accepted(
    make_client: ClientMaker, text: str, is_on: bool
) -> None:
    parts = [*RANK, ("image", b"none"), ("allow_partial", text)]
    assert post(make_client(), "/rank", parts).status_code == (200 if is_on else 422)


@pytest.mark.parametrize(
    "templates",
    [
        ["a {}", "{}"],
        ['["a {}"]', "{}"],
        ['["a {}"]', '["{}"]'],
        ["\ufeffa {}", '\ufeff["{}"]'],
    ],
)
def test_templates_may_be_repeated(make_client: ClientMaker, templates: list[str]) -> None:
    client = make_client()
    parts: Parts = [*RANK, *(("templates", each) for each in templates)]
    together = [*RANK, ("templates", '["a {}", "{}"]')]
    answer = post(client, "/rank", parts)
    assert answer.status_code == 200, answer.data
    assert answer.get_json() == post(client, "/rank", together).get_json()


def test_one_template_needs_no_array(make_client: ClientMaker) -> None:
    client = make_client()
    answer = post(client, "/rank", [*RANK, ("templates", "a {}")])
    assert answer.status_code == 200, answer.data
    assert answer.get_json() == post(client, "/rank", [*RANK, ("template", "a {}")]).get_json()


def test_repeated_arrays_are_joined(make_client: ClientMaker) -> None:
    client = make_client()
    parts: Parts = [("items", json.dumps([CAT])), ("items", json.dumps([DOG, CAT]))]
    answer = post(client, "/encode", parts)
    assert answer.status_code == 200, answer.data
    assert answer.get_json() == client.post("/encode", json=[CAT, DOG, CAT]).get_json()


def test_encode_takes_items_then_images_then_texts(make_client: ClientMaker) -> None:
    client = make_client()
    parts: Parts = [("text", "a cat"), ("image", IMAGE), ("items", json.dumps([DOG]))]
    answer = post(client, "/encode", [*parts, ("image", OTHER), ("text", "b")])
    items = [DOG, blob(IMAGE), blob(OTHER), CAT, {"text": "b"}]
    assert answer.get_json() == client.post("/encode", json=items).get_json()


def test_curl_needs_no_more_than_files_and_words(service: Api) -> None:
    fields = [
        f"image=@{SAMPLES / 't-shirt.png'}",
        "candidate=t-shirt",
        "candidate=a pair of jeans",
    ]
    command = ["curl", "-sS", f"{service.url}/rank", *(f"-F{field}" for field in fields)]
    answer = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    [[shirt, jeans]] = answer["probabilities"]
    assert shirt > jeans


def test_a_form_may_wait_for_its_job_like_any_other(make_client: ClientMaker) -> None:
    client = make_client()
    accepted = post(client, "/rank?wait=0", RANK)
    assert accepted.status_code == 202
    job = client.get(f"{accepted.headers['Location']}?wait=30").get_json()
    assert job["result"] == post(client, "/rank", RANK).get_json()


@pytest.mark.parametrize(
    ("path", "parts", "expected"),
    [
        ("/rank", [("image", b"none"), *LABELS], [("/queries/0/img_blob", "not_an_image")]),
        ("/rank", [("image", b""), *LABELS], [("/queries/0/img_blob", "not_an_image")]),
        ("/rank", [("image", "cat.jpg"), *LABELS], [("/queries/0/img_blob", "not_a_file")]),
        ("/rank", LABELS, [("/queries", "missing")]),
        ("/rank", RANK[:2], [("/candidates", "missing")]),
        ("/rank", [], [("/queries", "missing")]),
        ("/encode", [], [("", "too_few")]),
        ("/rank", [*RANK, ("imgae", IMAGE)], [("/imgae", "unknown_key")]),
        ("/rank", [*RANK, ("a/b~", ""), ("a/b~", "")], [("/a~1b~0", "unknown_key")]),
        ("/encode", [("candidate", "a")], [("/candidate", "unknown_key")]),
        ("/rank", [*RANK, ("top_k", "1"), ("top_k", "2")], [("/top_k", "repeated_field")]),
        ("/rank", [*RANK, ("top_k", "")], [("/top_k", "wrong_type")]),
        ("/rank", [*RANK, ("top_k", "0")], [("/top_k", "too_small")]),
        ("/rank", [*RANK, ("allow_partial", "maybe")], [("/allow_partial", "wrong_type")]),
        ("/rank", [*RANK, ("templates", "none")], [("/templates/0", "invalid_template")]),
        ("/rank", [*RANK, ("templates", "[{}"), ("templates", "{}")], [("/templates", "not_json")]),
        (
            "/rank",
            [*RANK, ("templates", '["{}", "a {}"]'), ("templates", "none")],
            [("/templates/2", "invalid_template")],
        ),
        ("/rank", [*RANK, ("queries", "[]"), ("queries", "1")], [("/queries", "wrong_type")]),
        ("/rank", [*RANK, ("temperature", "NaN")], [("/temperature", "wrong_type")]),
        ("/rank", [*RANK, ("template", "none")], [("/template", "invalid_template")]),
        ("/rank", [*RANK, ("templates", '["{}", 1]')], [("/templates/1", "wrong_type")]),
        ("/rank", [*RANK, ("candidates", "a, b")], [("/candidates", "not_json")]),
        ("/rank", [*RANK, ("candidates", '{"a": 1}')], [("/candidates", "wrong_type")]),
        ("/rank", [*RANK, ("queries", '["a"]')], [("/queries/0", "wrong_type")]),
        (
            "/rank",
            [*RANK, ("queries", '[{"img_blob": "?"}]')],
            [("/queries/0/img_blob", "invalid_base64")],
        ),
        ("/encode", [("text", "x" * 6), ("text", "a")], [("/0/text", "text_too_long")]),
    ],
)
def test_faults_stand_where_they_would_in_json(
    make_client: ClientMaker, path: str, parts: Parts, expected: list[tuple[str, str]]
) -> None:
    assert faults(post(make_client(max_text_chars=5), path, parts)) == expected


def test_an_unknown_field_is_named_beside_those_that_are_known(make_client: ClientMaker) -> None:
    detail = post(make_client(), "/encode", [("imgae", IMAGE)]).get_json()["detail"]
    known = "items, image, text, alpha, metadata"
    assert detail == f"/imgae is not a known field; known fields: {known}"


def test_invalid_text_is_reported(make_client: ClientMaker) -> None:
    body = form([("image", IMAGE), ("candidate", "?"), ("template", "{}?")])
    body = body.replace(b"?", b"\xff")
    answer = make_client().post("/rank", data=body, content_type=FORM.partition(": ")[2])
    assert faults(answer) == [("/template", "not_text"), ("/candidates/0/text", "not_text")]


class TestLimits:
    def test_a_image_has_a_greatest_size(self, make_client: ClientMaker) -> None:
        client = make_client(max_image_bytes=len(OTHER) - 1)
        parts: Parts = [("image", b"x" * (len(OTHER) - 1)), ("image", OTHER), *LABELS]
        assert faults(post(client, "/rank", parts)) == [("/queries/1/img_blob", "image_too_large")]

    def test_there_are_as_many_items_as_in_json(self, make_client: ClientMaker) -> None:
        client = make_client(max_queries=2, max_candidates=2)
        for parts in (
            [*RANK, ("image", IMAGE)],
            [*RANK, ("queries", json.dumps([CAT]))],
        ):
            assert faults(post(client, "/rank", parts)) == [("/queries", "too_many")]
        assert faults(post(client, "/rank", [*RANK, LABELS[0]])) == [("/candidates", "too_many")]
        assert faults(post(client, "/encode", [("text", "a")] * 3)) == [("", "too_many")]
        many = [("templates", json.dumps(["{}"] * (MAX_TEMPLATES + 1)))]
        assert faults(post(client, "/rank", [*RANK, *many])) == [("/templates", "too_many")]

    def test_json_in_a_field_has_no_more_values_than_json_alone(
        self, make_client: ClientMaker
    ) -> None:
        answer = post(make_client(max_queries=2), "/encode", [("items", "[" * 10_000)])
        assert (answer.status_code, answer.get_json()["code"]) == (400, "too_many_values")

    def test_repeated_arrays_have_the_same_limit_together(self, make_client: ClientMaker) -> None:
        parts: Parts = [("items", "[" + "[]," * 20 + "[]]")] * 10
        answer = post(make_client(max_queries=2), "/encode", parts)
        assert (answer.status_code, answer.get_json()["code"]) == (400, "too_many_values")

    def test_a_flood_of_tiny_parts_is_refused_while_it_comes(
        self, make_client: ClientMaker
    ) -> None:
        client = make_client(max_queries=10, max_candidates=10)
        most = 10 + 10 + MAX_TEMPLATES + MAX_SINGLE_FIELDS
        assert post(client, "/rank", [("candidate", "")] * most).status_code == 422
        answer = post(client, "/rank", [("candidate", "")] * (most + 1))
        assert (answer.status_code, answer.get_json()["code"]) == (413, "body_too_large")

    @pytest.mark.parametrize("padding", [b"a: b\r\n", b"a:" + b"b" * 999, b"\r\n \t", b";x=y"])
    def test_long_headers_of_parts_cost_no_time(
        self, make_client: ClientMaker, padding: bytes
    ) -> None:
        head = b'--B\r\nContent-Disposition: form-data; name="text"'
        for size in (16_000, 32_000, 200_000):
            each = head + padding * (size // len(padding)) + b"\r\n\r\na\r\n"
            started = time.process_time()
            answer = make_client().post(
                "/encode", data=each * 200, content_type="multipart/form-data; boundary=B"
            )
            assert answer.status_code in (400, 413), answer.data
            assert time.process_time() - started < 1

    @pytest.mark.parametrize("start", [b"", form([("text", "a")])])
    def test_what_stands_around_the_parts_is_bounded(
        self, make_client: ClientMaker, start: bytes
    ) -> None:
        body = BytesIO(start + b"x" * (MAX_BUFFERED_BYTES + 1))
        answer = make_client().post(
            "/encode", data=body, content_type="multipart/form-data; boundary=B"
        )
        assert answer.get_json()["code"] == "body_too_large"


class TestIdempotency:
    def test_a_retry_is_the_same_whatever_its_boundary(self, make_client: ClientMaker) -> None:
        client = make_client()
        first = post(client, "/rank?wait=0", RANK, Idempotency_Key="form-1")
        again = post(client, "/rank?wait=0", RANK, "another", Idempotency_Key="form-1")
        assert first.headers["X-Job-Id"] == again.headers["X-Job-Id"]

    def test_another_content_is_another_request(self, make_client: ClientMaker) -> None:
        client = make_client()
        post(client, "/rank?wait=0", RANK, Idempotency_Key="form-2")
        for parts in (RANK[1:], [RANK[1], RANK[0], *LABELS], [*RANK, ("top_k", "1")]):
            answer = post(client, "/rank?wait=0", parts, Idempotency_Key="form-2")
            assert answer.get_json()["code"] == "idempotency_key_reused"


class TestOnTheWire:
    def ask(self, api: Api, content: bytes) -> RawAnswer:
        with RawConnection(api.url) as connection:
            connection.send(content)
            connection.finish_sending()
            answer = connection.receive()
            assert answer is not None
            return answer

    def test_a_form_in_chunks_is_one_form(self, api: Api) -> None:
        body = form([("image", IMAGE), ("text", "a" * 5000)])
        for size in (1, 7, 1000):
            content = chunked(body, size) + b"0\r\n\r\n"
            answer = self.ask(
                api, request("/encode", FORM, "Transfer-Encoding: chunked", body=content)
            )
            assert (answer.status, len(json.loads(answer.body))) == (200, 2), answer.body

    @pytest.mark.parametrize("size", [LIMIT, LIMIT + 1])
    def test_the_limit_holds_to_the_byte(self, api: Api, size: int) -> None:
        around = len(form([("image", IMAGE)]))
        body = form([("image", IMAGE + b"x" * (size - around))])
        answer = self.ask(api, request("/encode", FORM, f"Content-Length: {size}", body=body))
        assert answer.status == (200 if size == LIMIT else 413)

    def test_a_content_encoding_is_refused(self, api: Api) -> None:
        length = "Content-Length: 3"
        answer = self.ask(
            api, request("/encode", FORM, "Content-Encoding: gzip", length, body=b"abc")
        )
        assert (answer.status, answer.problem["code"]) == (415, "unsupported_encoding")

    @pytest.mark.parametrize(
        ("media_type", "body"),
        [
            ("multipart/form-data", form(LABELS)),
            ("multipart/form-data; boundary=", form(LABELS)),
            ("multipart/form-data; boundary=\xe9", form(LABELS)),
            ("multipart/form-data; boundary=" + "B" * 201, form(LABELS, "B" * 201)),
            ("multipart/form-data; boundary=other", form(LABELS)),
            ("multipart/form-data; boundary=B", b""),
            ("multipart/form-data; boundary=B", b'[{"text": "a"}]'),
            *(("multipart/form-data; boundary=B", form(LABELS)[:end]) for end in range(1, 130, 7)),
            ("multipart/form-data; boundary=B", form(LABELS)[:-5]),
            ("multipart/form-data; boundary=B", b"--B\r\n\r\n\r\n--B--\r\n"),
            ("multipart/form-data; boundary=B", b"--B\r\nA: b\r\n\r\na\r\n--B--\r\n"),
            (
                "multipart/form-data; boundary=B",
                b"--B\r\nContent-Disposition: form-data\r\n\r\na\r\n--B--\r\n",
            ),
            (
                "multipart/form-data; boundary=B",
                form(LABELS).replace(b"candidate", b"\xff"),
            ),
        ],
    )
    def test_an_invalid_form_is_reported(self, api: Api, media_type: str, body: bytes) -> None:
        told = f"Content-Type: {media_type}"
        answer = self.ask(api, request("/encode", told, f"Content-Length: {len(body)}", body=body))
        assert (answer.status, answer.problem["code"]) == (400, "broken_form")

    def test_a_form_that_is_shorter_than_was_said_breaks_off(self, api: Api) -> None:
        body = form([("text", "a")])
        answer = self.ask(api, request("/encode", FORM, "Content-Length: 999", body=body))
        assert (answer.status, answer.problem["code"]) == (400, "broken_body")

    @pytest.mark.parametrize("path", ["/label-sets/a", "/encode"])
    def test_other_media_types_are_refused_with_those_that_are_read(
        self, service: Api, path: str
    ) -> None:
        method = "PUT" if path.startswith("/label") else "POST"
        told = "Content-Type: application/x-www-form-urlencoded"
        answer = self.ask(
            service, request(path, told, "Content-Length: 1", method=method, body=b"a")
        )
        assert answer.status == 415
