"""Whatever JSON stands for an item: a clean result, or faults that point at what is wrong."""

import base64
import re
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from api.errors import InvalidRequest, ItemFault
from api.request import patterns, schemas
from api.request.data_uris import decode_blob, is_data_uri
from api.request.items import ItemCollector
from api.request.validation import validate
from common.errors import InvalidBase64

MAX_BYTES, MAX_CHARS = 40, 20
ITEMS: TypeAdapter[list[schemas.Item]] = TypeAdapter(list[schemas.Item])
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
BLOBS = st.binary(max_size=60).map(lambda content: base64.b64encode(content).decode())
URLS = st.from_regex(r"https?://[^ ]{0,20}|ftp://x|http://\[", fullmatch=True)
STRINGS = st.text(max_size=30) | BLOBS | URLS
# Mostly nearly right: what is nothing like an item is found at once.
ITEM = (
    st.fixed_dictionaries({}, optional={kind: st.none() | STRINGS for kind in schemas.KINDS})
    | st.sampled_from(schemas.KINDS).flatmap(lambda kind: st.fixed_dictionaries({kind: STRINGS}))
    | st.dictionaries(st.sampled_from(schemas.KINDS) | st.text(max_size=4), VALUES, max_size=14)
    | VALUES
)


def outcome(body: Any) -> ItemCollector | tuple[ItemFault, ...]:
    try:
        items = validate(body, ITEMS)
    except InvalidRequest as error:
        return error.faults
    collector = ItemCollector(MAX_BYTES, MAX_CHARS)
    collector.add(items, "", are_queries=True, required=True)
    return collector


def resolved(body: Any, pointer: str) -> Any:
    """What a JSON Pointer (RFC 6901) leads to; fails when it leads nowhere."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        body = body[int(key)] if isinstance(body, list) else body[key]
    return body


@PATIENT
@given(st.lists(ITEM, max_size=6) | VALUES)
@example([{"a/b~c": 1, "text": "a"}])
@example([{"": 1, "text": "a"}])
def test_any_json_is_accepted_or_its_faults_are_reported(body: Any) -> None:
    told = outcome(body)
    faults = told.faults if isinstance(told, ItemCollector) else told
    for fault in faults:
        resolved(body, fault.pointer)
        assert fault.code.isidentifier()
        assert fault.detail
    if isinstance(told, ItemCollector):
        assert len(told.lists[""]) + len(told.faults) == len(body)
    else:
        assert told


@PATIENT
@given(st.lists(ITEM, max_size=6))
def test_the_same_request_always_has_the_same_outcome(body: Any) -> None:
    assert outcome(body) == outcome(body)


@PATIENT
@given(st.lists(st.text(max_size=3) | st.binary(min_size=1, max_size=3), max_size=12))
def test_every_item_has_its_place(contents: list[str | bytes]) -> None:
    collector = outcome(
        [
            {"text": content}
            if isinstance(content, str)
            else {"img_blob": base64.b64encode(content).decode()}
            for content in contents
        ]
    )
    assert isinstance(collector, ItemCollector)
    assert not collector.faults
    placed = [collector.items[index] for index in collector.lists[""]]
    assert [
        item.value if item.kind == "text" else collector.blobs[item.value] for item in placed
    ] == contents
    assert len(set(map(str, collector.items))) == len(collector.items)
    assert sum(item.queries for item in collector.items) == len(contents)


@PATIENT
@given(st.binary(min_size=1), st.data())
def test_base64_is_read_however_it_is_broken_into_lines(
    content: bytes, data: st.DataObject
) -> None:
    digits = base64.b64encode(content).decode()
    if data.draw(st.booleans()):
        digits = digits.rstrip("=")
    gaps = data.draw(st.lists(st.text(" \t\r\n", max_size=2), max_size=len(digits)))
    spelled = "".join(gap + digit for gap, digit in zip(gaps, digits, strict=False))
    spelled += digits[len(gaps) :]
    prefix = data.draw(st.sampled_from(["", "data:;base64,", "DATA:image/x;a=b;base64,"]))
    assert decode_blob(prefix + spelled) == content


@PATIENT
@given(
    st.text(st.sampled_from("ab+/=-_ \n,:;\x00é😀٣") | st.characters(codec="utf-8")),
    st.sampled_from(["", "data:image/png;base64,", "data:image/png", "data:"]),
)
def test_other_text_is_invalid_base64_and_never_anything_else(text: str, prefix: str) -> None:
    try:
        content = decode_blob(prefix + text)
    except InvalidBase64:
        return
    if is_data_uri(prefix + text) and prefix != "data:image/png;base64,":
        return  # percent-encoded, or in base64 by its own head
    digits = "".join(unquote(text).split()).rstrip("=").replace("-", "+").replace("_", "/")
    assert base64.b64encode(content).decode().rstrip("=")[:-1] == digits[:-1]


HEADS = [
    *("", "data:image/png;base64,", "data:;base64,", "data:base64,", "data:base64;x,"),
    *("data:image/a;b=c;base64,", "data:image/png,", "data:,", "data:", "data;base64,"),
    *("data:xbase64,", " data: ; base64 ,", "data:a,b;base64,"),
]


@PATIENT
@given(st.sampled_from(HEADS), st.text(st.sampled_from("aZ9+/=-_ \t\r\n,;é"), max_size=20))
def test_the_document_says_which_base64_is_read(prefix: str, text: str) -> None:
    expressions = (patterns.BASE64, patterns.BASE64_URI, patterns.PERCENT_URI)
    told = [re.search(pattern, prefix + text) is not None for pattern in expressions]
    try:
        is_read = bool(decode_blob(prefix + text))
    except InvalidBase64:
        is_read = False
    assert sum(told) == is_read, "by one of the patterns, or by none"


@PATIENT
@given(
    st.from_regex(patterns.WEB_ADDRESS, fullmatch=True, alphabet=st.characters(codec="ascii"))
    | st.text("htps:/.a?#@[ \n1", max_size=20)
)
def test_what_the_document_calls_no_web_address_is_none(url: str) -> None:
    told = re.fullmatch(patterns.WEB_ADDRESS, url) is not None
    collector = outcome([{"img_uri": url}])
    assert isinstance(collector, ItemCollector)
    # Brackets and ports are more than a regular expression should judge.
    assert told or collector.faults
    assert not (told and collector.faults) or set("[]:@") & set(url.partition("://")[2])


@pytest.mark.parametrize("text", ["a" * 4 + "=" * 9, "YWJj====", "YQ=\n=", "YR"])
def test_base64_is_forgiven_its_padding(text: str) -> None:
    assert decode_blob(text)
