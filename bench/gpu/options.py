"""What `make bench-gpu ARGS="…"` understands; every step is given the same."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.images import PHOTO, Kind
from bench.models import DEMO_FOLDER, Shape
from bench.models import folder_of as folder_of_known
from bench.options import RESULTS
from bench.processes import ROOT

# openai/clip-vit-large-patch14, but for the dimension of its embeddings, which costs nothing.
VIT_L_14: Shape = {
    "vision": {
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "patch_size": 14,
    },
    "text": {
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
    },
}
MODELS = ("vit-b-32", "vit-l-14")
CACHE = ROOT / "bench" / ".models"


@dataclass(frozen=True, slots=True)
class Options:
    """On what, how long, and where what was found goes.

    `quick` tries the harness on any machine, in a minute; its figures mean nothing.
    """

    device: str
    quick: bool
    models: tuple[str, ...]
    steps: tuple[str, ...]
    seconds: float
    limit_s: float
    folder: Path

    @property
    def dtype(self) -> str:
        return "float32" if self.device == "cpu" else "float16"

    @property
    def batches(self) -> tuple[int, ...]:
        return (1, 4) if self.quick else (1, 8, 32, 64, 128, 256, 512)

    @property
    def kind(self) -> Kind:
        return PHOTO

    def words(self) -> list[str]:
        """The same as a command line."""
        said = ["--device", self.device, "--models", ",".join(self.models)]
        said += ["--seconds", str(self.seconds), "--folder", str(self.folder)]
        return [*said, "--quick"] if self.quick else said


def folder_of(model: str) -> Path:
    """Where a model lies, which is made the first time that it is asked for."""
    if model != "vit-l-14":
        return folder_of_known(model)
    folder = CACHE / model
    if not (folder / "preprocessor_config.json").exists():
        from bench.random_model import make  # noqa: PLC0415 - torch takes seconds to load

        make(VIT_L_14, DEMO_FOLDER, folder)
    return folder


def parse(words: Sequence[str], steps: Sequence[str] = ()) -> Options:
    parser = argparse.ArgumentParser("bench.gpu", description="Measure the service on a GPU.")
    add = parser.add_argument
    add("--device", default="cuda", help="cuda, or cpu to test the harness")
    add("--quick", action="store_true", help="test the harness: measures nothing")
    add("--models", default="", help=f"of {','.join(MODELS)}, demo")
    add("--steps", default=",".join(steps), help=f"of {','.join(steps)}")
    add("--seconds", type=float, default=3.0, help="length of one measurement of the service")
    add("--limit", type=float, default=350.0, help="maximum time in seconds")
    add("--folder", type=Path, default=Path(os.environ.get("OUT") or RESULTS))
    given = parser.parse_args(words)
    models = given.models or ("demo" if given.quick else ",".join(MODELS))
    return Options(
        device=given.device,
        quick=given.quick,
        models=tuple(models.split(",")),
        steps=tuple(given.steps.split(",")),
        seconds=min(given.seconds, 1.0) if given.quick else given.seconds,
        limit_s=given.limit,
        folder=given.folder,
    )
