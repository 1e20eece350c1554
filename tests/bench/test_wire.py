import base64
import io
import json
from typing import Any

import numpy as np
from PIL import Image
from werkzeug import Request
from werkzeug.test import EnvironBuilder

from bench.images import HOLE, PHOTO, THUMBNAIL, draw, with_hole
from bench.wire import (
    Address,
    embedding,
    many_labels,
    post_form,
    ranking,
    repeated,
    unique,
)

ADDRESS = Address(3000)


def pixels(content: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.asarray(Image.open(io.BytesIO(content)))


def body(request: bytes) -> dict[str, Any]:
    head, _, content = request.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(content)}".encode() in head
    document: dict[str, Any] = json.loads(content)
    return document


def image(request: bytes) -> bytes:
    return base64.b64decode(body(request)["queries"][0]["img_blob"], validate=True)


def test_a_number_in_the_hole_changes_the_file_and_not_the_image() -> None:
    drawn = draw(THUMBNAIL, seed=1)
    text = with_hole(drawn)
    assert text.count(HOLE) == 1
    numbered = [base64.b64decode(text.replace(HOLE, f"{n:016d}")) for n in (1, 2)]
    assert numbered[0] != numbered[1]
    for content in numbered:
        assert (pixels(content) == pixels(drawn)).all()


def test_images_have_the_size_that_is_promised() -> None:
    assert pixels(draw(PHOTO, seed=1)).shape == (480, 640, 3)
    assert 50_000 < len(draw(PHOTO, seed=1)) < 100_000
    assert 2_000 < len(draw(THUMBNAIL, seed=1)) < 6_000


def test_no_two_requests_carry_the_same_image() -> None:
    make = unique(ADDRESS, ranking(), THUMBNAIL)
    other = unique(ADDRESS, ranking(), THUMBNAIL)
    images = [image(ask()) for ask in (make, other) for _ in range(100)]
    assert len(set(images)) == 200
    assert len({pixels(content).tobytes() for content in images}) == 32


def test_a_repeated_request_is_always_the_same() -> None:
    make = repeated(ADDRESS, ranking(), THUMBNAIL)
    assert make() == make()


def test_candidates_are_as_many_as_wanted_and_all_different() -> None:
    request = unique(ADDRESS, ranking(many_labels(1000)), THUMBNAIL)()
    texts = {candidate["text"] for candidate in body(request)["candidates"]}
    assert len(texts) == 1000


def test_infinity_is_asked_in_its_own_way() -> None:
    asked = body(unique(Address(3000, "/embeddings"), embedding("bench"), THUMBNAIL)())
    [uri] = asked["input"]
    assert uri.startswith("data:image/jpeg;base64,")
    assert (asked["modality"], asked["encoding_format"]) == ("image", "base64")


def test_a_form_is_read_as_it_was_written() -> None:
    fields = {"entries": b"{}", "text": b"a cat"}
    head, _, content = post_form(ADDRESS, fields).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(content)}".encode() in head
    builder = EnvironBuilder(
        method="POST", data=content, content_type="multipart/form-data; boundary=part"
    )
    read = Request(builder.get_environ()).form
    assert {name: value.encode() for name, value in read.items()} == fields
