import base64
from contextlib import suppress
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import InvalidRequest
from api.request.data_uris import SLICE_CHARS, decode_blob
from api.request.items import ItemCollector, cut
from api.request.schemas import Item as RequestItem
from common.errors import InvalidBase64
from common.ledger.records import RequestRecord
from common.protocol.messages import Item


@given(st.binary(min_size=1), st.booleans(), st.booleans(), st.booleans())
def test_every_spelling_of_base64_is_read(
    content: bytes, padded: bool, broken: bool, prefixed: bool
) -> None:
    text = (base64.encodebytes if broken else base64.b64encode)(content).decode()
    if not padded:
        text = text.rstrip("=\n")
    if prefixed:
        text = "data:image/png;base64," + text
    assert decode_blob(text) == content


@pytest.mark.parametrize("content", [b"\xfb\xef\xbe", b"any", b"\xff" * 50])
@pytest.mark.parametrize(
    "head",
    [
        "",
        "data:image/png;base64,",
        "data:;base64,",
        "data:base64,",
        "data:application/octet-stream;base64,",
        "data:text/plain;charset=utf-8;base64,",
        "data:image/png;name=my%20cat.png;base64,",
        "DATA:IMAGE/PNG;BASE64,",
        "data:image/svg+xml; base64 ,",
        "\n  data:image/png;base64,",
    ],
)
def test_base64_is_read_in_either_alphabet_and_behind_any_head(head: str, content: bytes) -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        digits = encode(content).decode()
        assert decode_blob(head + digits) == content
        assert decode_blob(head + digits.rstrip("=")) == content
        if head:
            assert decode_blob(head + quote(digits, safe="")) == content
            assert decode_blob(f"{head} {digits}%0D%0A") == content


@given(st.binary(min_size=1, max_size=200), st.sampled_from(["data:,", "data:image/png,"]))
def test_a_data_uri_may_be_percent_encoded(content: bytes, head: str) -> None:
    assert decode_blob(head + quote(content)) == content


@given(st.text(st.sampled_from("%aF0g+é\x00 ,"), min_size=1))
def test_what_is_no_escape_stays_as_it_is(text: str) -> None:
    assert decode_blob("data:," + text) == unquote_to_bytes(text)


@pytest.mark.parametrize("place", range(SLICE_CHARS - 5, SLICE_CHARS + 5))
def test_no_escape_is_torn_apart(place: int) -> None:
    content = b"a" * place + b"\x89\x00" * 9 + b"b"
    assert decode_blob("data:," + quote(content)) == content
    assert decode_blob("data:," + "%" * (place + 9)) == b"%" * (place + 9)


@pytest.mark.parametrize(
    "text",
    [
        *("", "=", "   ", "a", "a?b=", "päng", "aGk*", "+/-_é"),
        *("data:image/png;base64,", "data:image/png;base64, \n", "data:,", "data:image/png,"),
        *("data:", "data:image/png;base64", "data:image/png;base64,a", "data:;base64,%"),
        *("data:;base64,aGk%3F*", "data:;base64,data:;base64,aGk="),
    ],
)
def test_anything_else_is_an_error(text: str) -> None:
    with pytest.raises(InvalidBase64):
        decode_blob(text)


def test_a_data_uri_is_bytes_whichever_key_it_stands_in() -> None:
    content = b"\x89PNG" * 10_000
    uri = f"data:;base64,{base64.b64encode(content).decode()}"
    collector = ItemCollector(max_image_bytes=50_000, max_text_chars=10, fetch_urls=False)
    items = [RequestItem(img_uri=uri), RequestItem(img_blob=uri), RequestItem(img_blob=content)]
    collector.add(items, "/queries", are_queries=True, required=True)
    assert collector.faults == []
    assert collector.lists == {"/queries": [0, 0, 0]}
    assert list(collector.blobs.values()) == [content]
    spec = collector.spec()
    assert spec.record([spec.items], "").kinds == "d"


def test_the_limit_of_a_data_uri_is_that_of_images() -> None:
    collector = ItemCollector(max_image_bytes=3, max_text_chars=10)
    uris = ["data:;base64,YWJjZA==", "data:,abcd", "data:image/png;base64,!", "data:,abc"]
    items = [RequestItem(img_uri=uri) for uri in uris]
    collector.add(items, "", are_queries=True, required=True)
    assert [(fault.pointer, fault.code) for fault in collector.faults] == [
        ("/0/img_uri", "image_too_large"),
        ("/1/img_uri", "image_too_large"),
        ("/2/img_uri", "invalid_base64"),
    ]


@given(st.text())
def test_no_text_breaks_the_decoder(text: str) -> None:
    with suppress(InvalidBase64):
        decode_blob(text)


def test_two_spellings_of_a_url_are_one_item() -> None:
    collector = ItemCollector(max_image_bytes=100, max_text_chars=10)
    written = ["https://example.org/my cat.png\n", "https://example.org/my%20cat.png"]
    items = [RequestItem(img_uri=url) for url in written]
    collector.add(items, "/queries", are_queries=True, required=True)
    assert collector.items == [Item("uri", written[1], 2, required=True)]


@pytest.mark.parametrize("mark", ["é", " x"])
def test_the_limit_of_a_url_counts_what_is_sent(mark: str) -> None:
    collector = ItemCollector(max_image_bytes=100, max_text_chars=10)
    url = "https://example.org/" + mark * 4000
    collector.add([RequestItem(img_uri=url)], "/queries", are_queries=True, required=True)
    [fault] = collector.faults
    assert "limit is 8192" in fault.detail


def test_what_stands_twice_is_encoded_once() -> None:
    collector = ItemCollector(max_image_bytes=100, max_text_chars=10)
    candidates = [RequestItem(text="a"), RequestItem(text="b")]
    queries = [RequestItem(text="b"), RequestItem(text="c"), RequestItem(text="c")]
    collector.add(candidates, "/candidates", are_queries=False, required=True)
    collector.add(queries, "/queries", are_queries=True, required=False)
    assert collector.items == [
        Item("text", "a", queries=0, required=True),
        Item("text", "b", queries=1, required=True),
        Item("text", "c", queries=2, required=False),
    ]
    lists = {"/candidates": [0, 1], "/queries": [1, 2, 2]}
    spec = collector.spec()
    assert spec.record([spec.items], "m") == RequestRecord(lists, "ttt", [3], model="m")


def test_a_text_in_several_templates_is_one_item() -> None:
    collector = ItemCollector(max_image_bytes=100, max_text_chars=10)
    candidates = [RequestItem(text="a"), RequestItem(img_blob=b"i"), RequestItem(text="a")]
    templates = ["a {}", "{}"]
    collector.add(candidates, "/candidates", are_queries=False, required=True, templates=templates)
    collector.add([RequestItem(text="a")], "/queries", are_queries=True, required=True)
    assert collector.lists == {"/candidates": [0, 1, 0], "/queries": [2]}
    templated, image, plain = collector.items
    assert templated == Item("text", "a", 0, required=True, templates=("a {}", "{}"))
    assert (image.kind, image.templates) == ("blob", ())
    assert plain == Item("text", "a", 1, required=True)
    assert collector.spec().inputs == 4


def test_a_text_in_one_template_is_a_text_like_any_other() -> None:
    collector = ItemCollector(max_image_bytes=100, max_text_chars=10)
    for text, template in (("cat", "a {}"), ("a cat", "{}")):
        collector.add(
            [RequestItem(text=text)],
            "/candidates",
            are_queries=False,
            required=True,
            templates=[template],
        )
    assert collector.items == [Item("text", "a cat", 0, required=True)]


def test_every_item_at_fault_is_listed() -> None:
    collector = ItemCollector(max_image_bytes=2, max_text_chars=10)
    collector.add(
        [
            RequestItem(img_blob="?"),
            RequestItem(img_blob=base64.b64encode(b"too long").decode()),
            RequestItem(img_uri="ftp://example.org/x"),
            RequestItem(img_uri="http://[broken"),
        ],
        "/queries",
        are_queries=True,
        required=True,
    )
    assert [(fault.pointer, fault.code) for fault in collector.faults] == [
        ("/queries/0/img_blob", "invalid_base64"),
        ("/queries/1/img_blob", "image_too_large"),
        ("/queries/2/img_uri", "url_refused"),
        ("/queries/3/img_uri", "url_refused"),
    ]
    with pytest.raises(InvalidRequest):
        collector.spec()


def test_a_small_job_is_one_part() -> None:
    items = [Item("text", str(i), 0, required=True) for i in range(10)]
    items.append(Item("blob", "d", 1, required=True))
    assert cut(items, images=32) == [items]


def test_a_large_job_is_cut_at_the_number_of_images() -> None:
    items = [Item("uri", str(i), 1, required=True) for i in range(70)]
    parts = cut(items, images=32)
    assert [len(part) for part in parts] == [32, 32, 6]
    assert [item for part in parts for item in part] == items


def test_texts_weigh_less_than_images() -> None:
    items = [Item("text", str(i), 0, required=True) for i in range(2000)]
    assert [len(part) for part in cut(items, images=32)] == [1024, 976]


def test_long_texts_are_cut_into_parts_of_about_a_megabyte() -> None:
    items = [Item("text", f"{i} ".ljust(20_000, "x"), 0, required=True) for i in range(200)]
    assert [len(part) for part in cut(items, images=32)] == [51, 51, 51, 47]


def test_a_text_weighs_what_its_prompts_do() -> None:
    def parts(count: int, templates: int, chars: int = 10) -> list[int]:
        made = tuple("{}".ljust(chars, "x") for _ in range(templates))
        items = [Item("text", f"{i}", 0, required=True, templates=made) for i in range(count)]
        return [len(part) for part in cut(items, images=32)]

    assert parts(1000, 10) == [102] * 9 + [82]
    assert parts(3, 100, 20_000) == [1, 1, 1]
    assert parts(1, 10_000) == [1]


def test_where_nothing_is_fetched_a_url_is_at_fault() -> None:
    collector = ItemCollector(max_image_bytes=2, max_text_chars=9, fetch_urls=False)
    collector.add(
        [RequestItem(img_uri="https://example.org/x.png")],
        "/queries",
        are_queries=True,
        required=True,
    )
    assert [(fault.pointer, fault.code) for fault in collector.faults] == [
        ("/queries/0/img_uri", "url_refused")
    ]
