"""Texts become token ids as the model was trained, and what a client writes is never an order."""

import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import BertTokenizer, GemmaTokenizer, XLMRobertaTokenizer

from tests.tiny_models import FAMILIES, save_tiny_model
from worker.model.checkpoint import open_checkpoint
from worker.model.clip_encoder import ClipEncoder
from worker.model.source import Source
from worker.model.tokenizing import Tokenizing, lower_casing

CONTEXT = 16
CHARACTERS = string.ascii_letters + string.digits + string.punctuation


def unigram() -> Any:
    """As of MetaCLIP 2 and AltCLIP: a vocabulary of whole pieces, the control tokens among them."""
    words = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = [*((word, 0.0) for word in words), ("▁", -2.0), ("▁cat", -3.0)]
    letters = [(letter, -5.0) for letter in CHARACTERS]
    return XLMRobertaTokenizer(vocab=[*pieces, *letters, ("<mask>", 0.0)])


def wordpiece() -> Any:
    """As of Chinese-CLIP and ALIGN."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat", *CHARACTERS]
    inner = [f"##{letter}" for letter in CHARACTERS]
    return BertTokenizer(vocab={word: i for i, word in enumerate(dict.fromkeys(words + inner))})


def gemma() -> Any:
    """As of SigLIP 2."""
    words = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *CHARACTERS]
    tokenizer = GemmaTokenizer(vocab={word: index for index, word in enumerate(words)}, merges=[])
    tokenizer.add_eos_token = True
    return tokenizer


TOKENIZERS: dict[str, Callable[[], Any]] = {
    "unigram": unigram,
    "wordpiece": wordpiece,
    "gemma": gemma,
    **{family: lambda make=make: make()[1] for family, make in FAMILIES.items()},  # type: ignore[misc]
}


@pytest.fixture(scope="module", params=TOKENIZERS)
def tokenizer(request: pytest.FixtureRequest) -> Any:
    return TOKENIZERS[request.param]()


@pytest.fixture
def prepare(tokenizer: Any) -> Callable[[str], list[int]]:
    tokenizing = Tokenizing(tokenizer, CONTEXT, "longest", None)

    def ids_of(text: str) -> list[int]:
        [prepared] = tokenizing.prepare([text])
        return list(prepared.ids)

    return ids_of


def controls(tokenizer: Any) -> dict[int, str]:
    """The control tokens but that for what is unknown."""
    named = zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True)
    return {index: name for index, name in named if name != tokenizer.unk_token}


@pytest.mark.parametrize("text", ["{} a cat", "a{}cat", "a cat {}", "{}{}", "a {} cat " * 9])
def test_a_control_token_in_a_text_is_text(
    tokenizer: Any, prepare: Callable[[str], list[int]], text: str
) -> None:
    known = controls(tokenizer)
    assert known
    # What the tokenizer adds to a text without control tokens.
    added = [index for index in prepare("a cat") if index in known]
    for name in known.values():
        ids = prepare(text.replace("{}", name))
        assert [index for index in ids if index in known] == added, name


def test_other_texts_have_the_ids_of_the_stock_tokenizer(
    tokenizer: Any, prepare: Callable[[str], list[int]]
) -> None:
    for text in ("a cat", "", "A T-shirt, <b>red</b> | 2 > 1 [sic]", "an [ s ] </p>", "a  cat\n"):
        tokenizer.split_special_tokens = False
        stock = tokenizer(text, truncation=True, max_length=CONTEXT)["input_ids"]
        tokenizer.split_special_tokens = True
        assert prepare(text) == stock, text


def test_what_the_end_is_needed_for_is_there_after_truncation() -> None:
    tokenizing = Tokenizing(unigram(), 6, "longest", None)
    [text] = tokenizing.prepare(["</s> a cat and more than fits"])
    assert (text.ids[0], text.ids[-1], len(text.ids)) == (0, 2, 6)
    assert text.truncated


@pytest.mark.parametrize("declared", [True, False, None])
def test_texts_are_lowered_where_the_files_say_so_and_the_class_does_not(
    tmp_path: Path, declared: bool | None
) -> None:
    """SigLIP 2 of a fixed resolution names GemmaTokenizer, which drops `do_lower_case`."""
    config = {} if declared is None else {"do_lower_case": declared}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    lower = lower_casing(tmp_path, gemma())
    assert (lower("A Cat") if lower else "A Cat") == ("a cat" if declared else "A Cat")


def test_a_tokenizer_that_lowers_texts_itself_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    assert lower_casing(tmp_path, wordpiece()) is None


def test_siglip_2_of_a_fixed_resolution_reads_capitals_as_small_letters(tmp_path: Path) -> None:
    folder = save_tiny_model("siglip", tmp_path)
    gemma().save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    described = {**json.loads(path.read_bytes()), "do_lower_case": True}
    path.write_text(json.dumps({**described, "model_max_length": 64}))
    encoder = ClipEncoder(open_checkpoint(Source(str(folder))), "cpu", "float32")
    capitals, small, other = encoder.encode_texts(encoder.prepare_texts(["A Cat", "a cat", "a c"]))
    assert capitals == pytest.approx(small)
    assert capitals != pytest.approx(other)
