"""The real tokenizer of CLIP gives the ids that OpenAI, open_clip and others publish."""

import pytest

from tests.clip_vocabulary import CONTROLS, SIZE, clip_tokenizer
from worker.model.tokenizing import Tokenizing

BEGIN, END = 49406, 49407
PUBLISHED = {
    # The notebook of OpenAI's CLIP, and the examples in its README and in that of open_clip.
    "Hello World!": [3306, 1002, 256],
    "a diagram": [320, 22697],
    "a dog": [320, 1929],
    "a cat": [320, 2368],
    # Tests of other implementations, made with open_clip or with transformers.
    "": [],
    "   \t\n": [],
    "x": [343],
    "a photo of a cat": [320, 1125, 539, 320, 2368],
    "a photo of a dog": [320, 1125, 539, 320, 1929],
    "A Photo of a TREE!": [320, 1125, 539, 320, 2677, 256],
    "  HELLO   World  ": [3306, 1002],
    "it's a cat's toy, running   fast": [585, 568, 320, 2368, 568, 5988, 267, 2761, 1953],
    "I can't believe it's not butter": [328, 753, 713, 2649, 585, 568, 783, 6952],
    "they're working on it": [889, 982, 1699, 525, 585],
    "email: user@example.com": [4462, 281, 7031, 287, 6228, 269, 2464],
    "!!!": [995],
    "3.14 is pi": [274, 269, 272, 275, 533, 5357],
    "birthday cake 2024": [1166, 2972, 273, 271, 273, 275],
    "MacBook Pro 16-inch": [20617, 2630, 272, 277, 268, 6523],
    "code editor with syntax highlighting": [3217, 7661, 593, 3758, 3879, 17344],
    "mobileclip": [9451, 944, 8546],
    "hatbox": [3447, 2063],
    "hat box": [3801, 2063],
    "bozuman": [647, 4091, 786],
    "café": [15304],
    "🐶": [10631],
}


@pytest.fixture(scope="module")
def tokenizing() -> Tokenizing:
    tokenizer = clip_tokenizer()
    assert len(tokenizer) == SIZE
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id) == (BEGIN, END)
    return Tokenizing(tokenizer, 77, "longest", None)


def ids_of(tokenizing: Tokenizing, text: str) -> list[int]:
    [prepared] = tokenizing.prepare([text])
    return list(prepared.ids)


@pytest.mark.parametrize("text", PUBLISHED)
def test_published_examples(tokenizing: Tokenizing, text: str) -> None:
    assert ids_of(tokenizing, text) == [BEGIN, *PUBLISHED[text], END]


@pytest.mark.parametrize("control", CONTROLS)
def test_control_tokens_are_text(tokenizing: Tokenizing, control: str) -> None:
    for text in (f"{control} a cat", f"a{control}cat", control.upper()):
        begin, *inner, end = ids_of(tokenizing, text)
        assert (begin, end) == (BEGIN, END)
        assert not {BEGIN, END}.intersection(inner)
        assert inner


def test_a_long_text_keeps_its_end(tokenizing: Tokenizing) -> None:
    [prepared] = tokenizing.prepare(["waterfall " * 200])
    assert list(prepared.ids) == [BEGIN, *[16403] * 75, END]
    assert prepared.truncated
