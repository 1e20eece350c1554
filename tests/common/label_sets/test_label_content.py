"""The content of a label set: what is stored of what was put."""

import pytest

from common.label_sets.label_content import LabelContent, label_of
from common.protocol.messages import ItemKind, Templates


@pytest.mark.parametrize(
    ("content", "version"),
    [
        (
            LabelContent([("text", "a cat"), ("blob", "f" * 64)], [0, 1, 0], (), "white"),
            "0519c362d427093d",
        ),
        (LabelContent([("text", "cat")], [0], ("a {}", "the {}")), "960716c11ba34873"),
    ],
)
def test_sets_of_earlier_releases_keep_their_versions(content: LabelContent, version: str) -> None:
    assert content.version == version


def test_a_template_makes_another_version() -> None:
    items: list[tuple[ItemKind, str]] = [("text", "a cat")]
    plain, templated = (LabelContent(items, [0], (), template=each) for each in ("", "a {}"))
    assert plain.version != templated.version
    assert plain.labels == ["a cat"]
    assert (templated.labels, templated.given_templates) == (["cat"], ("a {}",))


@pytest.mark.parametrize(
    ("value", "templates", "label"),
    [
        ("cat", (), "cat"),
        ("a cat here", ("a {} here",), "cat"),
        ("a a here here", ("a {} here",), "a here"),
        ("a ", ("a {}",), ""),
        ("{}", ("{}",), "{}"),
        ("a {}", ("a {}", "the {}"), "a {}"),
    ],
)
def test_a_label_is_the_text_without_its_template(
    value: str, templates: Templates, label: str
) -> None:
    assert label_of("text", value, templates) == label


def test_the_label_of_an_image_is_its_url() -> None:
    assert label_of("uri", "https://a.example/", ("a {}",)) == "https://a.example/"
    assert label_of("blob", "f" * 64, ("a {}",)) is None
