"""What a client may say of transparency, and what it is told."""

from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image

from tests.conftest import ClientMaker
from tests.image_server import ImageServer
from tests.images import blob, encoded, image_item
from tests.processes import SAMPLES, Api

CAT = {"text": "a cat"}
TOLD = "X-Transparent-Images"


def cutout(color: tuple[int, ...] = (90, 140, 60)) -> Image.Image:
    """Something black, all around it clear: without the background nothing is to be seen."""
    drawing = Image.open(SAMPLES / "cat.png").convert("L")
    image = Image.new("RGBA", drawing.size, (0, 0, 0, 0))
    image.paste((*color, 255), mask=drawing.point(lambda shade: 255 if shade < 200 else 0))
    return image


def on(ground: str, image: Image.Image) -> bytes:
    base = Image.new("RGBA", image.size, ground)
    base.alpha_composite(image)
    return encoded(base.convert("RGB"))


def cosine(service: Api, **more: Any) -> float:
    """Of the cutout and of the same on white."""
    image = cutout()
    queries, candidates = [blob(encoded(image))], [blob(on("white", image)), CAT]
    answer = service.post("/rank", {"queries": queries, "candidates": candidates, **more})
    assert answer.status_code == 200, answer.text
    return float(answer.json()["cosine_similarities"][0][0])


def test_a_cutout_on_white_is_what_it_looks_like(service: Api) -> None:
    assert cosine(service, alpha="white") >= 0.999
    assert cosine(service, alpha="black") < 0.9
    assert cosine(service) == pytest.approx(cosine(service, alpha="drop"))
    assert cosine(service) < 0.9


def test_images_that_are_not_opaque_are_counted_encoded_or_known(service: Api) -> None:
    shown = blob(encoded(cutout((1, 2, 3))))
    body = {"queries": [shown, image_item(7), CAT, shown], "candidates": [CAT, shown]}
    first, again = service.post("/rank", body), service.post("/rank", body)
    assert first.headers[TOLD] == again.headers[TOLD] == "3"
    assert "X-Job-Id" not in again.headers, "it came from the cache"
    opaque = service.post("/rank", {"queries": [image_item(7)], "candidates": [CAT]})
    assert TOLD not in opaque.headers


@pytest.mark.parametrize("alpha", ["white", "black", "drop"])
def test_each_background_has_embeddings_of_its_own(service: Api, alpha: str) -> None:
    item = blob(encoded(cutout((4, 5, 6))))
    first, again = (service.post(f"/encode?alpha={alpha}", [item]) for _ in range(2))
    assert first.headers[TOLD] == again.headers[TOLD] == "1"
    assert first.json() == again.json()
    ground = {"white": "white", "black": "black"}.get(alpha)
    seen = on(ground, cutout((4, 5, 6))) if ground else encoded(cutout((4, 5, 6)).convert("RGB"))
    [expected] = service.post("/encode", [blob(seen)]).json()
    assert np.allclose(first.json()[0], expected, atol=1e-4)


def test_an_image_behind_a_url_is_put_on_it_too(service: Api, image_server: ImageServer) -> None:
    image = cutout((7, 8, 9))
    url = image_server.serve(encoded(image))
    items = [{"img_uri": url}, blob(on("white", image))]
    for _ in range(2):  # the second time it is fetched, and known
        answer = service.post("/encode?alpha=white", items)
        assert answer.headers[TOLD] == "1"
        assert np.ptp(answer.json(), axis=0).max() < 1e-4
    dropped = service.post("/encode", items)
    assert np.ptp(dropped.json(), axis=0).max() > 1e-2


def test_a_job_tells_where_they_stand(service: Api) -> None:
    shown = blob(encoded(cutout((10, 11, 12))))
    body = {"queries": [image_item(8), shown], "candidates": [shown, CAT], "alpha": "white"}
    answer = service.post("/rank?wait=0", body)
    document = service.get(f"/jobs/{answer.json()['id']}?wait=20").json()
    assert document["transparent"] == ["/candidates/0/img_blob", "/queries/1/img_blob"]
    assert document["result"]["cosine_similarities"][1][0] == pytest.approx(1, abs=1e-6)


def test_a_form_says_it_as_a_field(service: Api) -> None:
    content = encoded(cutout())
    by_json = service.post("/encode?alpha=white", [blob(content)]).json()
    files = {"image": ("cutout.png", content)}
    by_form = requests.post(
        f"{service.url}/encode", files=files, data={"alpha": "white"}, timeout=60
    )
    assert by_form.json() == by_json
    ranked = requests.post(
        f"{service.url}/rank",
        files=files,
        data={"candidate": ["a cat", "a dog"], "alpha": "white"},
        timeout=60,
    )
    assert ranked.headers[TOLD] == "1"
    body = {"queries": [blob(content)], "candidates": [CAT, {"text": "a dog"}], "alpha": "white"}
    expected = service.post("/rank", body)
    assert ranked.json() == expected.json()


def test_the_deployment_may_say_it_for_all(make_client: ClientMaker, service: Api) -> None:
    client = make_client(alpha="white")
    items = [blob(encoded(cutout()))]
    white = service.post("/encode?alpha=white", items).json()
    assert client.post("/encode", json=items).get_json() == white
    dropped = client.post("/encode?alpha=drop", json=items).get_json()
    assert dropped == service.post("/encode", items).json() != white


def test_a_label_set_keeps_its_background(service: Api) -> None:
    image = cutout((13, 14, 15))
    candidates = [blob(encoded(image)), CAT]
    put = service.put("/label-sets/cutouts", {"candidates": candidates, "alpha": "white"})
    assert (put.status_code, put.headers[TOLD]) == (201, "1")
    queries = [blob(on("white", image)), blob(encoded(image))]
    ranked = service.post("/rank", {"queries": queries, "label_set": "cutouts"})
    assert ranked.headers[TOLD] == "1", "that of the query"
    [[white, _], [dropped, _]] = ranked.json()["cosine_similarities"]
    assert white >= 0.999 > dropped
    other = service.put("/label-sets/cutouts", {"candidates": candidates})
    assert other.headers["X-Label-Set"] != put.headers["X-Label-Set"]


def test_what_is_no_background_is_refused(make_client: ClientMaker) -> None:
    client = make_client()
    body = {"queries": [CAT], "candidates": [CAT]}
    for answer in (
        client.post("/rank", json={**body, "alpha": "pink"}),
        client.post("/rank?alpha=pink", json=body),
        client.post("/encode?alpha=", json=[CAT]),
        client.post(
            "/encode",
            data={"text": "a", "alpha": "pink"},
            content_type="multipart/form-data",
        ),
    ):
        assert answer.status_code == 422
        [fault] = answer.get_json()["errors"]
        assert fault["code"] == "unknown_value"
        assert "white" in fault["detail"]


def test_two_backgrounds_are_refused(make_client: ClientMaker) -> None:
    body = {"queries": [CAT], "candidates": [CAT], "alpha": "white"}
    answer = make_client().post("/rank?alpha=black", json=body)
    assert [fault["code"] for fault in answer.get_json()["errors"]] == ["ambiguous_alpha"]
    assert make_client().post("/rank?alpha=white", json=body).status_code == 200


def test_an_idempotency_key_is_of_one_background(make_client: ClientMaker) -> None:
    client = make_client()
    headers = {"Idempotency-Key": "a cutout, once"}
    items = [blob(encoded(cutout()))]
    first = client.post("/encode?alpha=white", json=items, headers=headers)
    other = client.post("/encode?alpha=black", json=items, headers=headers)
    assert (first.status_code, other.status_code) == (200, 422)
    assert other.get_json()["code"] == "idempotency_key_reused"
