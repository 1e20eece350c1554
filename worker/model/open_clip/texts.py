"""How open_clip cleans a text before its tokenizer."""

import html
import string
from collections.abc import Callable

import ftfy

_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


def _repaired(text: str) -> str:
    """Without broken encodings, curly quotes and HTML entities, even doubly escaped ones."""
    return html.unescape(html.unescape(ftfy.fix_text(text))).strip()


def _collapsed(text: str) -> str:
    return " ".join(text.split())


def _whitespace(text: str) -> str:
    return _collapsed(_repaired(text))


def _lower(text: str) -> str:
    return _whitespace(text).lower()


def _canonicalize(text: str) -> str:
    words = _repaired(text).replace("_", " ").translate(_WITHOUT_PUNCTUATION).lower()
    return _collapsed(words)


CLEANINGS: dict[str, Callable[[str], str]] = {
    "whitespace": _whitespace,
    "lower": _lower,
    "canonicalize": _canonicalize,
}
"""By the name in `text_cfg.tokenizer_kwargs.clean`."""
