"""Texts are cleaned as open_clip cleans them, and its towers of timm have its activations."""

import pytest

from worker.model.open_clip.texts import CLEANINGS
from worker.model.open_clip.timm_towers import GELU, GELU_TANH, find_tower


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("whitespace", "  A\tman\u2019s \u201cT-Shirt\u201d\n", 'A man\'s "T-Shirt"'),
        ("whitespace", "caf\u00c3\u00a9 &amp;amp; bar_1", "café & bar_1"),
        ("whitespace", "\uff21 \ufb01ne e\u0301", "A fine é"),
        ("lower", " A  CAT", "a cat"),
        ("canonicalize", "T-Shirt, one_two! {x} (Ünï)", "tshirt one two x ünï"),
        ("canonicalize", "...", ""),
        ("lower", "", ""),
    ],
)
def test_texts_are_cleaned(name: str, text: str, expected: str) -> None:
    assert CLEANINGS[name](text) == expected


@pytest.mark.parametrize(
    ("name", "activation", "head_width"),
    [
        ("vit_base_patch16_siglip_224", GELU, 64),
        ("vit_base_patch16_siglip_512.v2_webli", GELU, 64),
        ("vit_base_patch32_siglip_256", GELU_TANH, 64),
        ("vit_large_patch16_siglip_384", GELU, 64),
        ("vit_large_patch16_siglip_512", GELU_TANH, 64),
        ("vit_so400m_patch14_siglip_378", GELU, 72),
        ("vit_so400m_patch16_siglip_256", GELU_TANH, 72),
        ("vit_giantopt_patch16_siglip_384", GELU_TANH, 96),
    ],
)
def test_a_tower_has_the_activation_of_timm(name: str, activation: str, head_width: int) -> None:
    tower = find_tower(name)
    assert tower
    assert (tower.activation, tower.head_width) == (activation, head_width)


@pytest.mark.parametrize(
    "name", ["vit_base_patch16_siglip_gap_224", "vit_base_patch16_224", "siglip", ""]
)
def test_other_towers_are_not_taken_for_one_of_siglip(name: str) -> None:
    assert find_tower(name) is None
