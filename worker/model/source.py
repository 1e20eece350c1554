"""Where a checkpoint comes from: a folder, or the hub through its cache."""

import hashlib
import io
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from huggingface_hub import snapshot_download
from huggingface_hub.utils.tqdm import tqdm

from worker.model.families import FAMILIES, supported
from worker.model.load_errors import ModelLoadError, load_errors
from worker.model.safetensors_proposals import proposed_conversion

DESCRIPTIONS = ("*.json", "*.txt", "*.model")
VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "*.model")
WEIGHTS = ("model.safetensors", "model-*.safetensors")
PICKLED_WEIGHTS = ("pytorch_model.bin", "pytorch_model-*.bin")
PROGRESS_EVERY_S = 5.0
FINGERPRINT_LENGTH = 40  # that of a commit

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Source:
    """The name of a model on the hub with a branch, tag or commit; or a folder.

    Pickled weights are used only if they are allowed, because they may run arbitrary code.
    """

    name: str
    revision: str = "main"
    allow_pickle: bool = False

    def fetch(self) -> tuple[Path, str]:
        """Download what is not in the cache. Returns the folder and the exact revision.

        The weights come last, so that an unsupported model does not cost gigabytes. Offline
        (`HF_HUB_OFFLINE=1`), only the cache is used.

        Raises:
            ModelLoadError: it cannot be loaded.
        """
        with load_errors(self.name):
            folder = Path(self.name)
            if folder.is_dir():
                _check_descriptions(folder)
                if self._has_weights(folder):
                    return folder, _fingerprint(folder)
            else:
                log.info("model_fetching", model=self.name, revision=self.revision)
                # The cache has a folder for each commit, named after it.
                folder = self._download(self.revision, DESCRIPTIONS)
                _check_descriptions(folder)
                if self._has_weights(folder):
                    return folder, folder.name
                if not self.allow_pickle and (converted := self._converted(folder)):
                    return converted, converted.name
            raise self._no_weights()

    def _has_weights(self, folder: Path) -> bool:
        for kind in (WEIGHTS, PICKLED_WEIGHTS) if self.allow_pickle else (WEIGHTS,):
            if folder != Path(self.name):
                self._download(folder.name, kind)
            if _any(folder, kind):
                return True
        return False

    def _no_weights(self) -> ModelLoadError:
        return ModelLoadError(
            "it has no weights, neither as safetensors nor pickled"
            if self.allow_pickle
            else "it has no weights as safetensors. Often a pull request on the hub has them"
            " (CLIP_REVISION=refs/pr/N). Pickled weights load only with CLIP_ALLOW_PICKLE=1:"
            " they may run arbitrary code"
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
        converted = self._download(revision, (*DESCRIPTIONS, *WEIGHTS))
        known.parent.mkdir(parents=True, exist_ok=True)
        known.write_text(converted.name)
        return converted

    def _download(self, revision: str, patterns: Sequence[str]) -> Path:
        started = time.monotonic()
        folder = snapshot_download(
            self.name,
            revision=revision,
            allow_patterns=list(patterns),
            ignore_patterns=["*/*"],
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


def _check_descriptions(folder: Path) -> None:
    """Raise ModelLoadError unless a folder has the files of a supported model."""
    config = folder / "config.json"
    if not config.is_file():
        raise ModelLoadError("it has no config.json: it is not in the format of transformers")
    try:
        described = json.loads(config.read_bytes())
    except ValueError as error:
        raise ModelLoadError(f"its config.json is not valid JSON ({error})") from error
    kind = described.get("model_type") if isinstance(described, dict) else None
    if not isinstance(kind, str):
        raise ModelLoadError("its config.json has no model_type")
    if kind not in FAMILIES:
        raise ModelLoadError(f"it is a {kind} model; supported are {supported()}")
    # Without one, transformers may make a tokenizer with an empty vocabulary.
    if not _any(folder, VOCABULARIES):
        raise ModelLoadError(f"it has no tokenizer: none of {', '.join(VOCABULARIES)}")


def _fingerprint(folder: Path) -> str:
    """The revision of a local model: a digest of its files, wherever they are."""
    digest = hashlib.sha256()
    patterns = (*DESCRIPTIONS, *WEIGHTS, *PICKLED_WEIGHTS)
    for path in sorted({path for pattern in patterns for path in folder.glob(pattern)}):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.name} {content}\n".encode())
    return digest.hexdigest()[:FINGERPRINT_LENGTH]


def _any(folder: Path, patterns: Sequence[str]) -> bool:
    return any(path for pattern in patterns for path in folder.glob(pattern))
