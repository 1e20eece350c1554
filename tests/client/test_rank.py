"""Client.rank and Client.encode against the service."""

import base64
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from clip_api_client import Client, errors
from clip_api_client.queries import ImageSource
from PIL import Image

from tests.image_server import ImageServer
from tests.images import encoded, noise
from tests.processes import ROOT, SAMPLES, Api

T_SHIRT = SAMPLES / "t-shirt.png"
LABELS = ["jeans", "t-shirt", "pizza"]


def test_the_best_label_comes_first(client: Client) -> None:
    [row] = client.rank(T_SHIRT, LABELS)
    assert row.best.label == "t-shirt"
    assert row.best.index == 1
    assert row.best.probability > 0.9
    assert sorted(each.label for each in row.candidates) == sorted(LABELS)
    cosines = [each.cosine_similarity for each in row.candidates]
    assert cosines == sorted(cosines, reverse=True)


def test_the_matrices_are_those_of_the_service(client: Client, service: Api) -> None:
    body = {
        "queries": [{"img_blob": base64.b64encode(T_SHIRT.read_bytes()).decode()}],
        "candidates": [{"text": label} for label in LABELS],
    }
    told = service.post("/rank", body).json()
    ranking = client.rank([T_SHIRT], LABELS)
    assert ranking.probabilities == told["probabilities"]
    assert ranking.cosine_similarities == told["cosine_similarities"]


def test_a_image_may_be_given_in_every_form(client: Client, image_server: ImageServer) -> None:
    image = noise(64, 48)
    content = encoded(image)
    path = image_server.serve(content)
    given: list[ImageSource] = [
        content,
        bytearray(content),
        memoryview(content),
        path,
        f"data:image/png;base64,{base64.b64encode(content).decode()}",
        image,
        np.asarray(image),
        np.asarray(image)[::-1][::-1],
    ]
    ranking = client.rank(given, LABELS)
    assert len(ranking) == len(given)
    for row in ranking.cosine_similarities:
        assert row == pytest.approx(ranking.cosine_similarities[0], abs=1e-5)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_a_pillow_image_may_have_any_mode(client: Client, mode: str) -> None:
    assert len(client.rank(noise(32, 32, mode), LABELS)) == 1


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 1), (20, 30, 3), (20, 30, 4)])
def test_an_array_becomes_the_png_that_pillow_would_read_it_from(
    client: Client, shape: tuple[int, ...]
) -> None:
    from clip_api_client.png import png_of  # noqa: PLC0415

    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    read = np.asarray(Image.open(io.BytesIO(png_of(pixels))))
    assert np.array_equal(read, pixels.squeeze())


def test_an_array_of_four_dimensions_is_several_images(client: Client) -> None:
    assert len(client.rank(np.zeros((3, 8, 8, 3), np.uint8), LABELS)) == 3


@pytest.mark.parametrize(
    "odd", [np.zeros((8, 8, 3)), np.zeros((8, 8, 5), np.uint8), np.zeros((0, 8, 3), np.uint8)]
)
def test_other_arrays_are_refused_in_words(client: Client, odd: object) -> None:
    with pytest.raises(TypeError, match="uint8 of H×W×3"):
        client.rank([odd], LABELS)  # type: ignore[list-item]


def test_what_is_no_image_at_all_is_refused_in_words(client: Client) -> None:
    with pytest.raises(TypeError, match="not int"):
        client.rank([1], LABELS)  # type: ignore[list-item]


def test_neither_pillow_nor_numpy_is_imported(service: Api) -> None:
    script = (
        f"import sys; from clip_api_client import Client; c = Client({service.url!r});"
        f"c.rank({str(T_SHIRT)!r}, ['a']); c.close();"
        "assert not {'PIL', 'numpy', 'api', 'common'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT / "client", check=True)


def test_texts_are_ranked_after_the_images(client: Client) -> None:
    ranking = client.rank(T_SHIRT, LABELS, texts=["a pizza"])
    assert [row.name for row in ranking] == [str(T_SHIRT), "a pizza"]
    assert ranking[1].best.label == "pizza"


def test_images_may_be_candidates(client: Client, photos: list[Path]) -> None:
    [row] = client.rank(texts=["t-shirt"], candidates=photos)
    assert row.best.label == str(T_SHIRT)


def test_options_reach_the_service(client: Client, service: Api) -> None:
    body = {
        "queries": [{"img_blob": base64.b64encode(T_SHIRT.read_bytes()).decode()}],
        "candidates": [{"text": label} for label in LABELS],
        "templates": ["a {}", "the {}"],
        "temperature": 3.0,
        "activation": "sigmoid",
    }
    told = service.post("/rank", body).json()
    ranking = client.rank(
        T_SHIRT, LABELS, templates=["a {}", "the {}"], temperature=3.0, activation="sigmoid"
    )
    assert ranking.probabilities == told["probabilities"]
    one = client.rank(T_SHIRT, LABELS, template="a photo of a {}", top_k=1)
    assert [each.label for each in one[0].candidates] == ["t-shirt"]


def test_a_label_set_is_put_ranked_by_and_deleted(client: Client) -> None:
    stored = client.put_label_set("clothes", LABELS, ["a {}"])
    assert stored.count == 3
    [row] = client.rank(T_SHIRT, label_set="clothes")
    assert row.best.index == 1
    assert row.best.label == "#1"
    assert client.label_set("clothes") == stored
    assert stored.labels == list(LABELS)
    [row] = client.rank(T_SHIRT, label_set="clothes", labels=stored.labels)
    assert row.best.label == "t-shirt"
    [row] = client.rank(T_SHIRT, label_set="clothes", labels=[None])
    assert {each.label for each in row.candidates} == {"#0", "#1", "#2"}
    assert "clothes" in [each.name for each in client.label_sets()]
    client.delete_label_set("clothes")
    with pytest.raises(errors.NoSuchLabelSet):
        client.label_set("clothes")


def test_candidates_or_a_label_set_are_needed(client: Client) -> None:
    with pytest.raises(TypeError, match="not both"):
        client.rank(T_SHIRT)
    with pytest.raises(TypeError, match="not both"):
        client.rank(T_SHIRT, LABELS, label_set="clothes")
    with pytest.raises(TypeError, match="are called what they are"):
        client.rank(T_SHIRT, LABELS, labels=LABELS)
    with pytest.raises(TypeError, match="write"):
        client.rank(T_SHIRT, "jeans")


def test_a_bad_image_fails_the_call_and_is_named(client: Client, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    with pytest.raises(errors.InvalidRequest, match=r"bad\.png is not an image") as raised:
        client.rank([T_SHIRT, bad], LABELS)
    [fault] = raised.value.faults
    assert (fault.index, fault.code) == (1, "not_an_image")
    with pytest.raises(errors.UnreadableImage, match="nowhere"):
        client.rank([T_SHIRT, "/nowhere.png"], LABELS)


def test_with_allow_partial_the_others_go_on(client: Client, tmp_path: Path) -> None:
    bad, empty = tmp_path / "bad.png", tmp_path / "empty.png"
    bad.write_bytes(b"no image")
    empty.touch()
    ranking = client.rank([empty, bad, T_SHIRT, tmp_path], LABELS, allow_partial=True)
    kinds = [type(row.error) for row in ranking]
    assert kinds == [
        errors.UnreadableImage,
        errors.NotAnImage,
        type(None),
        errors.UnreadableImage,
    ]
    assert ranking[2].best.label == "t-shirt"
    assert ranking.probabilities[1] is None
    assert len(ranking.errors) == 3
    with pytest.raises(errors.NotAnImage, match=r"bad\.png is not an image"):
        _ = ranking[1].best


def test_where_all_are_unreadable_nothing_is_sent(client: Client) -> None:
    ranking = client.rank(["/nowhere"], LABELS, allow_partial=True)
    assert ranking.jobs == []
    assert len(ranking.errors) == 1


def test_embeddings_are_those_of_the_service(client: Client, service: Api) -> None:
    told = service.post("/encode", [{"text": "a cat"}, {"text": "a dog"}]).json()
    embeddings = client.encode(texts=["a cat", "a dog"])
    assert embeddings.vectors == told
    assert [row.name for row in embeddings] == ["a cat", "a dog"]


def test_bad_images_are_left_out_of_what_is_encoded(client: Client, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    embeddings = client.encode(
        [bad, T_SHIRT, "/nowhere", "data:image/png;base64,?"], ["a"], allow_partial=True
    )
    assert [row.error.code if row.error else "" for row in embeddings] == [
        *("not_an_image", "", "unreadable_image", "invalid_base64", "")
    ]
    alone = client.encode(T_SHIRT, ["a"])
    assert [embeddings.vectors[1], embeddings.vectors[4]] == [
        pytest.approx(vector, abs=1e-5) for vector in alone.vectors
    ]
    with pytest.raises(errors.InvalidRequest, match=r"bad\.png"):
        client.encode([bad, T_SHIRT])


def test_truncation_is_reported(client: Client) -> None:
    assert client.rank(T_SHIRT, ["word " * 200, "b"]).truncated_texts == 1
    assert client.encode(texts=["word " * 200]).truncated_texts == 1


def test_models_and_workers_are_reported(client: Client) -> None:
    assert client.ready().is_ready
    assert [model.is_default for model in client.models()] == [True]
    assert len(client.workers()) == 1


def test_an_unknown_model_is_reported(client: Client) -> None:
    with pytest.raises(errors.UnknownModel):
        client.rank(T_SHIRT, LABELS, model="none")
    with pytest.raises(errors.UnknownModel):
        client.encode(T_SHIRT, model="none")


def cutout(shade: int) -> bytes:
    """A shape on nothing: black is behind it."""
    mask = Image.open(T_SHIRT).convert("L").point(lambda value: 255 if value < 200 else 0)
    image = Image.new("RGBA", mask.size, (0, 0, 0, 0))
    image.paste((shade, shade, shade, 255), mask=mask)
    return encoded(image)


def test_a_background_is_given_to_what_is_transparent(client: Client) -> None:
    content = cutout(1)
    white = client.rank(content, LABELS, alpha="white")
    assert white.transparent_images == 1
    assert white.probabilities != client.rank(content, LABELS).probabilities
    assert client.rank(T_SHIRT, LABELS).transparent_images == 0

    encoded_white = client.encode(content, alpha="white")
    assert encoded_white.transparent_images == 1
    assert encoded_white.vectors == client.submit_encode(content, alpha="white").wait().vectors
    assert encoded_white.vectors != client.encode(content, alpha="black").vectors

    job = client.submit(content, LABELS, alpha="white").wait()
    assert job.transparent_images == 1
    assert job.probabilities == white.probabilities


def test_a_label_set_has_a_background(client: Client) -> None:
    content = cutout(2)
    client.put_label_set("backgrounds", [content, "pizza"], alpha="white")
    [row] = client.rank(content, label_set="backgrounds", alpha="white")
    assert row.best.index == 0
    assert row.best.cosine_similarity == pytest.approx(1, abs=1e-6)
