"""The checkpoints: the demo, and random weights of two well-known shapes.

Speed does not depend on the values of the weights.
"""

from pathlib import Path

from bench.processes import ROOT

DEMO_FOLDER = ROOT / "demo" / "model"
Shape = dict[str, dict[str, int]]
"""What differs from the defaults of CLIPConfig, for the keys `vision` and `text`."""

CACHE = ROOT / "bench" / ".models"
PREPROCESSOR = "preprocessor_config.json"
"""Written last: a folder without it is unfinished, or was made before peers needed it."""

# wkcn/TinyCLIP-ViT-8M-16-Text-3M-YFCC15M, and openai/clip-vit-base-patch32, which is the default.
SHAPES: dict[str, Shape] = {
    "tinyclip-8m-16": {
        "vision": {
            "hidden_size": 256,
            "intermediate_size": 1024,
            "num_hidden_layers": 10,
            "num_attention_heads": 4,
            "patch_size": 16,
        },
        "text": {
            "hidden_size": 256,
            "intermediate_size": 1024,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
        },
    },
    "vit-b-32": {"vision": {}, "text": {}},
}


def folder_of(name: str) -> Path:
    """The folder of a model; one with random weights is made on first use."""
    if name == "demo":
        return DEMO_FOLDER
    folder = CACHE / name
    if not (folder / PREPROCESSOR).exists():
        from bench.random_model import make  # noqa: PLC0415 - torch takes seconds to load

        make(SHAPES[name], DEMO_FOLDER, folder)
    return folder
