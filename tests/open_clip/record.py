"""Record what open_clip makes of the tiny checkpoints: `python -m tests.open_clip.record`.

Run it in a virtual environment of its own with the packages of the project and open_clip_torch
3.3.0, timm 1.0.31, and the torch and torchvision that they need. Writes expected.json.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import open_clip
import timm
import torch
from PIL import Image

from tests.open_clip.checkpoints import save_model
from tests.open_clip.models import MODELS, PICTURES, TEXTS, Model

DIGITS = 7
create_model = timm.create_model


def main() -> None:
    """Through the functions that open_clip documents for checkpoints in a folder."""
    with tempfile.TemporaryDirectory() as folder:
        expected = {
            name: _record(model, save_model(model, Path(folder) / str(number)))
            for number, (name, model) in enumerate(MODELS.items())
        }
    path = Path(__file__).with_name("expected.json")
    path.write_text(json.dumps(expected, indent=1).replace("\n    ", " ") + "\n")


@torch.inference_mode()
def _record(model: Model, folder: Path) -> dict[str, Any]:
    _shrink_timm(model)
    loaded, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    loaded.eval()
    images = torch.cat([_embed(loaded, preprocess(Image.open(path))) for path in PICTURES])
    texts = loaded.encode_text(tokenizer(TEXTS)).double()
    cosines = torch.nn.functional.normalize(images) @ torch.nn.functional.normalize(texts).T
    logits = cosines * loaded.logit_scale.exp().double()
    if loaded.logit_bias is None:
        probabilities = logits.softmax(-1)
    else:
        probabilities = (logits + loaded.logit_bias.double()).sigmoid()
    return {"cosine_similarities": _rounded(cosines), "probabilities": _rounded(probabilities)}


def _embed(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    embedding: torch.Tensor = model.encode_image(pixels.unsqueeze(0)).double()
    return embedding


def _shrink_timm(model: Model) -> None:
    """Let timm make a tower of the size of the tiny model."""
    size = model.size

    def tiny(name: str, **options: Any) -> Any:
        small = {"img_size": model.model_cfg["vision_cfg"]["image_size"], "depth": 2}
        small |= {"embed_dim": size["width"], "num_heads": size["heads"], "mlp_ratio": 4.0}
        return create_model(name, **{**options, **small})

    timm.create_model = tiny if size else create_model


def _rounded(numbers: torch.Tensor) -> list[list[float]]:
    return [[round(number, DIGITS) for number in row] for row in numbers.tolist()]


if __name__ == "__main__":
    main()
