"""Where a checkpoint comes from: a folder, or the hub through its cache."""

import hashlib
import io
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import structlog
from huggingface_hub import snapshot_download
from huggingface_hub.utils.tqdm import tqdm

from worker.model.formats import (
    DESCRIPTIONS,
    TRANSFORMERS,
    VOCABULARIES,
    Format,
    FormatName,
    formats_of,
    has_any,
)
from worker.model.load_errors import ModelLoadError, load_errors
from worker.model.safetensors_proposals import proposed_conversion
from worker.model.sentence_transformers import find_model

PROGRESS_EVERY_S = 5.0
FINGERPRINT_LENGTH = 40  # that of a commit

log = structlog.get_logger()


class Fetched(NamedTuple):
    """The files of a checkpoint; `weights` is the first of those that hold weights.

    Its tokenizer is usually in the same folder.
    """

    folder: Path
    revision: str
    format: FormatName
    weights: Path
    tokenizer: Path


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files of a model are: `within` the root, or in it; no `commit` for a local one."""

    root: Path
    commit: str = ""
    within: str = ""

    @property
    def folder(self) -> Path:
        return self.root / self.within


@dataclass(frozen=True, slots=True)
class Source:
    """The name of a model on the hub with a branch, tag or commit; or a folder.

    Pickled weights are used only if they are allowed, because a pickle is a program.
    """

    name: str
    revision: str = "main"
    allow_pickle: bool = False

    def fetch(self) -> Fetched:
        """Download what is not in the cache.

        The weights come last, so that an unsupported model does not cost gigabytes. Offline
        (`HF_HUB_OFFLINE=1`), only the cache is used.

        Raises:
            ModelLoadError: it cannot be loaded.
        """
        with load_errors(self.name):
            place = self._place()
            formats = formats_of(place.folder)
            for format_ in formats:
                if weights := self._weights(place, format_.weights):
                    return _fetched(place, format_, weights)
            for format_ in formats if self.allow_pickle else ():
                if weights := self._weights(place, format_.pickled):
                    return _fetched(place, format_, weights)
            if place.commit and not self.allow_pickle and TRANSFORMERS in formats:
                converted = self._converted(place.root)
                if converted and (weights := _first(converted, TRANSFORMERS.weights[0])):
                    found = Place(converted, commit=converted.name)
                    return _fetched(found, TRANSFORMERS, weights)
            raise self._no_weights()

    def _place(self) -> Place:
        """Where its descriptions are, downloaded if necessary."""
        root = Path(self.name)
        if root.is_dir():
            return Place(root, within=find_model(root))
        log.info("model_fetching", model=self.name, revision=self.revision)
        # The cache has a folder for each commit, named after it.
        root = self._download(self.revision, DESCRIPTIONS)
        place = Place(root, commit=root.name, within=find_model(root))
        if place.within:
            self._download(place.commit, DESCRIPTIONS, place.within)
        return place

    def _weights(self, place: Place, groups: Iterable[Sequence[str]]) -> Path | None:
        """The first file with weights, downloaded if necessary with those of its group."""
        for group in groups:
            if place.commit:
                self._download(place.commit, group, place.within)
            if found := _first(place.folder, group):
                return found
        return None

    def _no_weights(self) -> ModelLoadError:
        return ModelLoadError(
            "it has no weights, neither as safetensors nor pickled"
            if self.allow_pickle
            else "it has no weights as safetensors. Set CLIP_ALLOW_PICKLE=1 to load pickled ones,"
            " if you trust their publisher: a pickle can contain a program, and torch.load with"
            " weights_only runs only the part that builds tensors. Or use safetensors of a pull"
            " request on the hub: CLIP_REVISION=refs/pr/N"
        )

    def _converted(self, folder: Path) -> Path | None:
        """The hub's own conversion of this commit; its revision is stored in the cache."""
        known = folder.parents[1] / "refs" / "converted" / folder.name
        if known.is_file():
            return folder.parent / known.read_text()
        revision = proposed_conversion(self.name, folder.name)
        if revision is None:
            return None
        log.info("model_conversion_found", model=self.name, revision=revision)
        converted = self._download(revision, (*DESCRIPTIONS, *TRANSFORMERS.weights[0]))
        known.parent.mkdir(parents=True, exist_ok=True)
        known.write_text(converted.name)
        return converted

    def _download(self, revision: str, patterns: Sequence[str], within: str = "") -> Path:
        """The folder of that revision; of it, what matches directly `within` a folder."""
        started = time.monotonic()
        prefix = f"{within}/" if within else ""
        folder = snapshot_download(
            self.name,
            revision=revision,
            allow_patterns=[prefix + pattern for pattern in patterns],
            ignore_patterns=[f"{prefix}*/*"],
            # On a terminal, show the hub's own progress bars.
            tqdm_class=None if sys.stderr.isatty() else LoggedProgress,
        )
        seconds = round(time.monotonic() - started, 2)
        log.info("model_files_ready", model=self.name, patterns=patterns, seconds=seconds)
        return Path(folder)


class LoggedProgress(tqdm):
    """A progress bar that writes log lines, at most one every few seconds."""

    monitor_interval = 0  # no thread

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401
        # Of several bars, the one that has the total number of bytes.
        self._counts_bytes = options.get("name") == "huggingface_hub.snapshot_download"
        self._last = -PROGRESS_EVERY_S
        options |= {"disable": False, "file": io.StringIO()}
        super().__init__(*args, **options)  # type: ignore[no-untyped-call]

    def display(self, *_: object, **__: object) -> None:
        now = time.monotonic()
        if self._counts_bytes and self.n and now - self._last >= PROGRESS_EVERY_S:
            self._last = now
            log.info("model_downloading", bytes=self.n, of_bytes=self.total)


def _fetched(place: Place, format_: Format, weights: Path) -> Fetched:
    folder = place.folder
    revision = place.commit or _fingerprint(folder, format_)
    tokenizer = folder if has_any(folder, VOCABULARIES) else _tokenizer(format_.tokenizer)
    return Fetched(folder, revision, format_.name, weights, tokenizer)


def _first(folder: Path, patterns: Sequence[str]) -> Path | None:
    return min((path for pattern in patterns for path in folder.glob(pattern)), default=None)


def _tokenizer(name: str) -> Path:
    """The folder of a tokenizer on the hub, for a model without one."""
    try:
        with load_errors(name):
            folder = Path(snapshot_download(name, allow_patterns=list(DESCRIPTIONS)))
            _check_vocabulary(folder)
            return folder
    except ModelLoadError as error:
        raise type(error)(
            f"it has no tokenizer of its own, and its open_clip_config.json asks for that of {name}"
            f" ({error}). Put the files of that tokenizer beside its weights: tokenizer.json and"
            " tokenizer_config.json, or vocab.json and merges.txt"
        ) from error


def _check_vocabulary(folder: Path) -> None:
    if not has_any(folder, VOCABULARIES):
        raise ModelLoadError(f"it has none of {', '.join(VOCABULARIES)}")


def _fingerprint(folder: Path, format_: Format) -> str:
    """The revision of a local model: a digest of its files, wherever they are."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in format_.files for path in folder.glob(pattern)}):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.name} {content}\n".encode())
    return digest.hexdigest()[:FINGERPRINT_LENGTH]
