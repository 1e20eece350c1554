"""What Roboflow's inference-sdk sends for CLIP: its package asks for an older Pillow than ours."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.api.dialects.refusals import Headers, assert_refusals
from tests.api.dialects.vectors import BAD, BASE64, IMAGE, OTHER, PNG, TEXT, assert_same, expected
from tests.conftest import ClientMaker
from tests.image_server import ImageServer
from tests.processes import DEMO_MODEL, Api

KEY = "a-key-of-roboflow-0123456789"
PICTURE = {"type": "base64", "value": BASE64}


def ask(service: Api, path: str, **body: Any) -> Any:
    answer = service.post(f"/clip/{path}?api_key=any", {"api_key": "any"} | body)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told.pop("time") >= 0
    assert told.pop("frame_id", None) is None  # only embeddings have it
    return told


def test_texts_are_embedded(service: Api) -> None:
    wanted = expected(service, {"text": TEXT}, {"text": OTHER})
    assert_same(ask(service, "embed_text", text=TEXT)["embeddings"], wanted[:1])
    assert_same(ask(service, "embed_text", text=[TEXT, OTHER])["embeddings"], wanted)


def test_images_are_embedded(service: Api, image_server: ImageServer) -> None:
    wanted = expected(service, IMAGE, IMAGE)
    assert_same(ask(service, "embed_image", image=PICTURE)["embeddings"], wanted[:1])
    url = {"type": "url", "value": image_server.serve(PNG)}
    told = ask(service, "embed_image", image=[PICTURE, url], clip_version_id=DEMO_MODEL.name)
    assert_same(told["embeddings"], wanted)
    # Without it `get_clip_image_embeddings` fails.
    assert "frame_id" in service.post("/clip/embed_image", {"image": PICTURE}).json()


def test_a_subject_is_compared_with_prompts(service: Api) -> None:
    picture, text, other = expected(service, IMAGE, {"text": TEXT}, {"text": OTHER})
    both = [picture @ text, picture @ other]
    told = ask(service, "compare", subject=PICTURE, prompt=[TEXT, OTHER])
    assert_same(told["similarity"], both)
    told = ask(service, "compare", subject=PICTURE, prompt={"one": TEXT, "two": OTHER})
    assert told["similarity"] == pytest.approx(dict(zip(("one", "two"), both, strict=True)))
    types = {"subject_type": "text", "prompt_type": "image"}
    told = ask(service, "compare", subject=TEXT, prompt=PICTURE, **types)
    assert_same(told["similarity"], both[:1])
    told = ask(service, "compare", subject=TEXT, prompt={"it": PICTURE}, **types)
    assert set(told["similarity"]) == {"it"}


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("embed_text", {}, "text is missing"),
        ("embed_text", {"text": []}, "text needs at least one"),
        ("embed_text", {"text": [TEXT, 3]}, "text[1] must be a string"),
        ("embed_image", {"image": {"type": "base64", "value": BAD}}, "image is not an image"),
        ("embed_image", {"image": {"type": "numpy"}}, "image must be"),
        ("compare", {"prompt": TEXT}, "subject is missing"),
        ("compare", {"subject": [PICTURE] * 2, "prompt": TEXT}, "subject must be one"),
        ("compare", {"subject": [], "prompt": [TEXT]}, "subject must be one"),
        ("compare", {"subject": PICTURE, "prompt": []}, "prompt needs at least one"),
        ("compare", {"subject": PICTURE, "prompt": {"a": 3}}, "prompt.a must be a string"),
        ("compare", {"subject": PICTURE, "prompt": {"a" * 10_000: 3}}, "a must be a string"),
        ("compare", {"subject": TEXT, "subject_type": "audio"}, "subject_type must be"),
    ],
)
def test_bad_input_is_400_and_named(service: Api, path: str, body: Any, message: str) -> None:
    answer = service.post(f"/clip/{path}", body)
    assert answer.status_code == 400, answer.text
    assert set(answer.json()) == {"message"}
    assert message in answer.json()["message"]
    assert len(answer.content) < 1000


def test_an_unknown_model_is_named_as_its_client_does(service: Api) -> None:
    answer = service.post("/clip/embed_text", {"text": TEXT, "clip_version_id": "RN50"})
    assert answer.status_code == 404
    assert answer.json()["message"].startswith("clip_version_id is 'RN50', which is not served")


def test_refusals_have_its_shape(make_client: ClientMaker) -> None:
    def post(client: FlaskClient, headers: Headers, model: str) -> TestResponse:
        body = {"text": ["not seen by roboflow", "nor was this"]}
        return client.post(
            "/clip/embed_text",
            json=body | ({"clip_version_id": model} if model else {}),
            headers=headers,
        )

    assert_refusals(make_client, post, KEY, {"message"})


def test_its_key_is_in_the_query(make_client: ClientMaker) -> None:
    client = make_client(api_keys=KEY)
    body = {"text": TEXT}
    basic = ("any", KEY)
    assert client.post("/clip/embed_text", json=body, auth=basic).status_code == 200
    assert client.post(f"/clip/embed_text?api_key={KEY}", json=body).status_code == 200
    assert client.post("/clip/embed_text?api_key=wrong", json=body).status_code == 401
    assert client.post(f"/encode?api_key={KEY}", json=[body]).status_code == 401
