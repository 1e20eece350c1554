"""Everything of a request but its body, made to be wrong: the answer is one of the documented."""

import pytest

from tests.api.request.test_body import BODY, JSON, length
from tests.conftest import ClientMaker
from tests.processes import Api
from tests.raw_http import RawAnswer, RawConnection, request

GET = "GET"


def ask(service: Api, content: bytes, method: str = "POST") -> RawAnswer:
    with RawConnection(service.url) as connection:
        connection.send(content)
        answer = connection.receive(method)
        assert answer is not None
        return answer


@pytest.mark.parametrize(
    "job",
    [
        *("%00", "%ff%fe", "%0d%0a", "%2e%2e", "..", "a%2Fb", "%E2%82%AC", "%", "%zz", "a#b", " "),
        *("a" * 3000, "{job}", "*", "~", "%25s%n", "x/cancel/y", ".%2e/healthz", ";", "a:b*%3F[c]"),
    ],
)
def test_a_job_of_any_name_is_just_not_there(service: Api, job: str) -> None:
    for method, action in ((GET, ""), ("DELETE", ""), ("POST", "/cancel")):
        path = f"/jobs/{job.replace(' ', '%20')}{action}"
        answer = ask(service, request(path, "Content-Length: 0", method=method))
        assert answer.status in (404, 405), (path, answer)
        assert answer.problem["code"] in ("not_found", "method_not_allowed")


@pytest.mark.parametrize(
    "path", ["//rank", "/rank//", "/jobs//cancel", "/jobs/../rank", "/%2Frank"]
)
def test_a_path_is_taken_as_it_is_and_never_redirected(service: Api, path: str) -> None:
    answer = ask(service, request(path, JSON, length(BODY), body=BODY))
    assert answer.status in (404, 405, 422)


@pytest.mark.parametrize(
    "query",
    [
        *("limit=", "limit=%ff", "limit=nan", "limit=1e400", "limit=-1", "limit=1.5", "limit=%00"),
        *("limit=" + "9" * 3000, "status=", "status=%ff", "status=done%00", "status=DONE"),
        *("cursor=", "cursor=nan", "cursor=inf", "cursor=-inf", "cursor=-1", "cursor=1e400"),
        *("cursor=%00", "cursor=%ff", "cursor=1" + "0" * 3000, "cursor=1_0", "cursor=%D9%A3"),
    ],
)
def test_a_list_of_jobs_takes_only_sane_parameters(service: Api, query: str) -> None:
    answer = ask(service, request(f"/jobs?{query}", method=GET))
    [fault] = answer.problem["errors"]
    assert (answer.status, fault["code"]) == (422, "invalid_parameter")


@pytest.mark.parametrize("wait", ["", "nan", "inf", "-1", "%ff", "%00", "1_0", "0x1", "9" * 3000])
def test_a_wait_that_is_no_number_is_refused_everywhere(service: Api, wait: str) -> None:
    for content in (
        request(f"/jobs/any?wait={wait}", method=GET),
        request(f"/rank?wait={wait}", JSON, length(BODY), body=BODY),
        request(f"/encode?wait={wait}", JSON, length(BODY), body=BODY),
    ):
        assert ask(service, content).problem["errors"][0]["code"] == "invalid_parameter"


@pytest.mark.parametrize(
    ("query", "faults"),
    [
        *(("limit=1&limit=x", 0), ("&&", 0)),
        *(("unknown=1", 1), ("%ff=%ff", 1), ("&&=&;", 2), ("a[]=1&a.b=2", 2), ("wait=1", 1)),
        *(("LIMIT=1", 1), ("limit%20=1", 1), ("status=done&x", 1), ("x=1&x=2", 1)),
    ],
)
def test_the_first_of_equal_parameters_counts_and_unknown_ones_are_refused(
    service: Api, query: str, faults: int
) -> None:
    answer = ask(service, request(f"/jobs?{query}", method=GET))
    assert answer.status == (422 if faults else 200)
    if faults:
        codes = [fault["code"] for fault in answer.problem["errors"]]
        assert codes == ["unknown_parameter"] * faults


@pytest.mark.parametrize(
    "headers",
    [
        ("Prefer: \xff;=\x22",),
        ("Prefer: respond-async, wait=99999999999999999999",),
        ("Prefer: wait=\xb2",),
        ("Prefer: respond-async; " + "; " * 2000 + "@", "Prefer: ,,,,"),
        ("X-Request-Id: \xff\xfe",),
        ("X-Request-Id: " + "a" * 5000,),
        ("X-Request-Id: a", "X-Request-Id: b"),
        ("Idempotency-Key: \xff\xfe\t\x80 one",),
        ("Idempotency-Key: two", "Idempotency-Key: three"),
        ("Host: a b:x", "Forwarded: ;;", "X-Forwarded-Proto: \xff", "X-Forwarded-For: [::"),
        ("Cookie: \xff=;;=", "Range: bytes=x", "Accept: \xff", "Authorization: Basic \xff"),
        (
            "Accept: image/png",
            "Accept-Encoding: x",
            "Accept-Charset: utf-7",
            "Accept-Language: \xff",
        ),
        ("If-None-Match: \x22", "If-Modified-Since: x", "Upgrade: h2c", "Origin: \xff"),
    ],
)
def test_odd_headers_are_survived(service: Api, headers: tuple[str, ...]) -> None:
    hosts = sum(header.startswith("Host:") for header in headers)
    content = request("/encode", JSON, length(BODY), *headers, body=BODY)
    if hosts:
        content = content.replace(b"Host: test\r\n", b"")
    assert ask(service, content).status in (200, 202)


@pytest.mark.parametrize("key", ["", "a" * 256, "\xe9" * 256])
def test_an_idempotency_key_has_a_sane_length(service: Api, key: str) -> None:
    content = request("/encode", JSON, f"Idempotency-Key: {key}", length(BODY), body=BODY)
    answer = ask(service, content)
    assert answer.status == 422
    assert answer.problem["errors"][0]["code"] == "invalid_idempotency_key"


@pytest.mark.parametrize(
    ("media_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-16", 200),
        ("application/json; charset=\xff\xfe", 200),
        ('application/JSON ;;; x="', 200),
        ("application/problem+json", 200),
        ("", 415),
        ("*/*", 415),
        ("json", 415),
        ("application/json, text/plain", 415),
        ("multipart/form-data; boundary=a", 400),
        ("application/x-www-form-urlencoded", 415),
        ("\xff/\xff", 415),
    ],
)
def test_a_media_type_is_one_of_two_or_refused(service: Api, media_type: str, status: int) -> None:
    content = request("/encode", f"Content-Type: {media_type}", length(BODY), body=BODY)
    assert ask(service, content).status == status


@pytest.mark.parametrize(
    "method", ["TRACE", "PATCH", "PUT", "CONNECT", "PROPFIND", "FOO", "M-SEARCH"]
)
@pytest.mark.parametrize("path", ["/rank", "/encode", "/jobs", "/jobs/a", "/healthz", "/workers"])
def test_unknown_methods_are_refused(service: Api, method: str, path: str) -> None:
    answer = ask(service, request(path, "Content-Length: 0", method=method))
    assert (answer.status, answer.problem["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/rank", "/jobs", "/jobs/a", "/healthz", "/openapi.json"])
def test_options_says_what_is_allowed(service: Api, path: str) -> None:
    answer = ask(service, request(path, method="OPTIONS"))
    assert (answer.status, answer.body) == (200, b"")
    assert "OPTIONS" in answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/jobs", "/healthz", "/readyz", "/workers", "/openapi.json"])
def test_head_is_get_without_the_body(service: Api, path: str) -> None:
    answer = ask(service, request(path, method="HEAD"), "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 0


class TestItems:
    def faults(self, client: ClientMaker, body: object, **settings: object) -> list[dict[str, str]]:
        answer = client(**settings).post("/encode", json=body)
        assert answer.status_code == 422, answer.data
        faults: list[dict[str, str]] = answer.get_json()["errors"]
        return faults

    def test_a_text_has_a_greatest_length(self, make_client: ClientMaker) -> None:
        client = make_client(max_text_chars=5)
        assert client.post("/encode", json=[{"text": "👕" * 5}]).status_code == 200
        [fault] = self.faults(make_client, [{"text": "a"}, {"text": "x" * 6}], max_text_chars=5)
        assert fault == {
            "pointer": "/1/text",
            "code": "text_too_long",
            "detail": "has 6 characters; the limit is 5",
        }

    @pytest.mark.parametrize(
        "url",
        [
            "http://example.org/" + "a" * 8192,
            *(f"http://exam{odd}ple.org/" for odd in "\x00\t\n\r \x1f\x7f\x85\xa0\u2028\u3000"),
            *("http://", "http:///x", "//example.org/x", "ftp://example.org", "file:///etc/passwd"),
            *("http://[::1", "http://a:99999/", "http://a:x/", "http://a:0/", "", "javascript:1"),
        ],
    )
    def test_what_is_no_web_address_is_refused(self, make_client: ClientMaker, url: str) -> None:
        [fault] = self.faults(make_client, [{"img_uri": url}])
        assert (fault["pointer"], fault["code"]) == ("/0/img_uri", "url_refused")

    def test_a_thousand_unknown_keys_are_one_fault(self, make_client: ClientMaker) -> None:
        [fault] = self.faults(make_client, [{f"key{i}": 1 for i in range(1000)}])
        assert (fault["pointer"], fault["code"]) == ("/0", "unknown_key")
        body = {f"key{i}": 1 for i in range(1000)}
        answer = make_client().post("/rank", json=body)
        assert [fault["pointer"] for fault in answer.get_json()["errors"]] == [""]

    def test_a_key_without_end_does_not_stand_in_the_answer(self, make_client: ClientMaker) -> None:
        [fault] = self.faults(make_client, [{"text": "a", "k" * 1_000_000: 1}])
        assert (fault["pointer"], fault["code"]) == ("/0", "unknown_key")
        assert fault["detail"] == "has an unknown key of 1000000 characters"

    def test_at_most_a_hundred_faults_are_listed(self, make_client: ClientMaker) -> None:
        answer = make_client().post("/encode", json=[{"img_blob": "?"}] * 250)
        problem = answer.get_json()
        assert [fault["pointer"] for fault in problem["errors"]] == [
            f"/{i}/img_blob" for i in range(100)
        ]
        assert problem["detail"].endswith("and 247 more; the first 100 of 250 are listed")

    def test_too_many_items_are_refused_before_a_look_at_them(
        self, make_client: ClientMaker
    ) -> None:
        client = make_client(max_queries=2, max_candidates=2)
        for key in ("queries", "candidates"):
            answer = client.post("/rank", json={key: [1, 2, 3]})
            [fault] = answer.get_json()["errors"]
            assert (answer.status_code, fault["pointer"]) == (422, f"/{key}")
            assert fault["code"] == "too_many"
        [fault] = self.faults(make_client, [1, 2, 3], max_queries=2)
        assert (fault["pointer"], fault["code"]) == ("", "too_many")
