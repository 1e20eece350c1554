"""CLIP's own vocabulary of 49,408 tokens, from the data of a package that is not imported.

`open_clip_torch` is installed without its requirements (see the Makefile): importing it needs
torchvision and timm.
"""

import gzip
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

FILE = "open_clip/bpe_simple_vocab_16e6.txt.gz"
SIZE = 49_408
CONTROLS = ["<|startoftext|>", "<|endoftext|>"]
END = "</w>"


def vocabulary_file() -> Path:
    """Skips the test where the package is not installed."""
    try:
        return Path(str(distribution("open_clip_torch").locate_file(FILE)))
    except PackageNotFoundError:
        pytest.skip("needs the vocabulary of CLIP: `make test` installs it")


def clip_tokenizer() -> Any:
    """The tokenizer of `openai/clip-vit-base-patch32`, made as OpenAI's code makes it."""
    lines = gzip.decompress(vocabulary_file().read_bytes()).decode().splitlines()
    # The letters of bytes, as they are and at the end of a word; what is merged; the controls.
    letters = _letters()
    count = SIZE - 2 * len(letters) - len(CONTROLS)
    merges = [(first, second) for first, second in map(str.split, lines[1 : count + 1])]
    tokens = [*letters, *(letter + END for letter in letters), *map("".join, merges), *CONTROLS]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77)


def _letters() -> list[str]:
    """The letters that stand for bytes: those that can be printed first, in order."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1)]
    printable += range(ord("®"), ord("ÿ") + 1)
    others = range(256, 256 + 256 - len(printable))
    letters = [chr(code) for code in (*printable, *others)]
    assert set(letters) == set(ByteLevel.alphabet())
    return letters
