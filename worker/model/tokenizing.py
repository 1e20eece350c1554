"""Texts → token ids, with a tokenizer of transformers; no text is an order to it."""

import json
import re
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from worker.model.encoder import PreparedText
from worker.model.families import Padding

LETTERS = "A Cat", "a cat"


class Tokenizing:
    """Prepares texts: cleaned, truncated to `context` tokens, with control tokens at the ends only.

    A control token that a client writes, such as `<|endoftext|>`, is text. Thread-safe.
    """

    def __init__(
        self,
        tokenizer: Any,  # noqa: ANN401
        context: int,
        padding: Padding,
        clean: Callable[[str], str] | None,
    ) -> None:
        # Not an argument of each call, because a fast tokenizer keeps it as a state.
        tokenizer.split_special_tokens = True
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        self._tokenizer = tokenizer
        self._context = context
        self._padding = padding
        self._clean = clean
        controls = {index: token.content for index, token in _controls(tokenizer).items()}
        self._controls = {index for index, text in controls.items() if self._occurs(index, text)}
        written = "|".join(re.escape(controls[index]) for index in self._controls)
        self._written = re.compile(written)

    def prepare(self, texts: Sequence[str]) -> list[PreparedText]:
        if self._clean:
            texts = [self._clean(text) for text in texts]
        batch = self._tokenizer(list(texts), truncation=True, max_length=self._context)
        if self._controls and (ordered := self._ordering(batch)):
            texts = [self._spelled(text) if i in ordered else text for i, text in enumerate(texts)]
            batch = self._tokenizer(texts, truncation=True, max_length=self._context)
        if batch.encodings is not None:
            cut = [bool(encoding.overflowing) for encoding in batch.encodings]
        else:
            whole = self._tokenizer(list(texts), truncation=False, verbose=False)
            cut = [len(ids) > self._context for ids in whole["input_ids"]]
        padded_to = self._context if self._padding == "max_length" else 0
        return [
            PreparedText(array("i", ids), was_cut, padded_to)
            for ids, was_cut in zip(batch["input_ids"], cut, strict=True)
        ]

    def pad(self, texts: Sequence[PreparedText], kind: str) -> Any:  # noqa: ANN401
        """The inputs of a batch, as the `kind` of tensors that transformers names."""
        return self._tokenizer.pad(
            {"input_ids": [list(text.ids) for text in texts]},
            padding=self._padding,
            max_length=self._context,
            return_tensors=kind,
        )

    def _occurs(self, index: int, text: str) -> bool:
        """Whether the tokenizer makes a control token of its name in a text nevertheless.

        Those with a vocabulary of whole pieces do (Unigram, as of XLM-RoBERTa).
        """
        return index in self._tokenizer(f"a {text} b", add_special_tokens=False)["input_ids"]

    def _ordering(self, batch: Any) -> set[int]:  # noqa: ANN401
        """Which texts of a batch have control tokens that the tokenizer did not add itself."""
        return {
            number
            for number, encoding in enumerate(batch.encodings or ())
            if any(
                index in self._controls and not is_added
                for index, is_added in zip(encoding.ids, encoding.special_tokens_mask, strict=True)
            )
        }

    def _spelled(self, text: str) -> str:
        """The text with a space in each name of a control token, so that it is none."""
        normalizer = self._tokenizer.backend_tokenizer.normalizer
        normal = normalizer.normalize_str(text) if normalizer else text
        return self._written.sub(lambda found: f"{found[0][0]} {found[0][1:]}", normal)


def lower_casing(folder: Path, tokenizer: Any) -> Callable[[str], str] | None:  # noqa: ANN401
    """What lowers texts if the files say `do_lower_case`, and the tokenizer does not do it.

    So it is with SigLIP 2 of a fixed resolution: the class that its files name ignores that.
    """
    path = folder / "tokenizer_config.json"
    described = json.loads(path.read_bytes()) if path.is_file() else {}
    if not described.get("do_lower_case"):
        return None
    some, lowered = (tokenizer(text)["input_ids"] for text in LETTERS)
    return None if some == lowered else str.lower


def _controls(tokenizer: Any) -> dict[int, Any]:  # noqa: ANN401
    """The control tokens by id. That for what is unknown is none, unless it has another use."""
    used = {
        tokenizer.bos_token_id,
        tokenizer.eos_token_id,
        tokenizer.pad_token_id,
        tokenizer.cls_token_id,
        tokenizer.sep_token_id,
    }
    return {
        index: token
        for index, token in tokenizer.added_tokens_decoder.items()
        if token.special and (index in used or index != tokenizer.unk_token_id)
    }
