"""Measures the demonstration on the art style it never saw: `python -m demo.evaluate`.

Every everyday thing is shown once, by its own emoji on a white ground, and ranked against its
name and the names of other things drawn at random. The model is loaded as any other CLIP is.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional
from transformers import AutoProcessor, CLIPModel

from demo.concepts import everyday_things
from demo.emojibase import Concept
from demo.packages import DEFAULT_CACHE, HELD_OUT_STYLE
from demo.sprites import draw, open_style

DEFAULT_MODEL = Path(__file__).parent / "model"
IMAGE_PIXELS = 144
LABEL_COUNTS = (10, 100)
LABEL_FORMS = ("{}", "a photo of a {}")


def on_white(image: Image.Image) -> Image.Image:
    """Return an RGBA image laid on white, as RGB."""
    ground = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(ground, image).convert("RGB")


def held_out_images(concepts: Sequence[Concept], cache: Path) -> list[Image.Image]:
    """Return one image of each concept in the held-out style, which must have them all."""
    drawings = open_style(HELD_OUT_STYLE, cache)
    return [on_white(draw(drawings.of(concept.emoji[0])[0], IMAGE_PIXELS)) for concept in concepts]


@torch.no_grad()
def similarities(
    folder: Path, images: Sequence[Image.Image], texts: Sequence[str]
) -> NDArray[np.float32]:
    """Return the cosine of every image and every text, (images, texts)."""
    model = CLIPModel.from_pretrained(folder).eval()
    processor = AutoProcessor.from_pretrained(folder)
    shown = processor(images=list(images), return_tensors="pt")
    read = processor(text=list(texts), return_tensors="pt", padding=True, truncation=True)
    seen = functional.normalize(model.get_image_features(**shown).pooler_output, dim=-1)
    meant = functional.normalize(model.get_text_features(**read).pooler_output, dim=-1)
    cosines: NDArray[np.float32] = (seen @ meant.T).numpy()
    return cosines


def share_right(scores: NDArray[np.float32], labels: int, draws: int, seed: int) -> float:
    """Return how often image n's best label is label n, among `labels` random labels.

    `scores` is square; label n is always among the labels, and the others are drawn anew, without
    repetition, `draws` times for each image.
    """
    chance = np.random.default_rng(seed)
    count = len(scores)
    right = 0
    for number in range(count):
        others = np.delete(scores[number], number)
        for _ in range(draws):
            picked = chance.choice(count - 1, labels - 1, replace=False)
            right += bool(scores[number, number] > others[picked].max())
    return right / (count * draws)


def most_confused(scores: NDArray[np.float32], names: Sequence[str], count: int) -> list[str]:
    """Return the images whose own name ranks lowest, with the name that ranks first."""
    ranks = (scores > scores.diagonal()[:, None]).sum(axis=1)
    worst = np.argsort(-ranks)[:count]
    return [f"{names[n]} (rank {ranks[n] + 1}, {names[scores[n].argmax()]} first)" for n in worst]


def parse_arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="where packages are kept")
    parser.add_argument("--draws", type=int, default=50, help="random label lists for each image")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--confused", type=int, default=0, help="how many hard images to name")
    return parser.parse_args()


def main() -> None:
    """Print the share of right first labels, for each count and form of labels."""
    options = parse_arguments()
    concepts = everyday_things(options.cache)
    names = [concept.name for concept in concepts]
    images = held_out_images(concepts, options.cache)
    print(f"{len(concepts)} everyday things, drawn in the held-out style {HELD_OUT_STYLE.name}")
    for form in LABEL_FORMS:
        scores = similarities(options.model, images, [form.format(name) for name in names])
        for labels in LABEL_COUNTS:
            share = share_right(scores, labels, options.draws, options.seed)
            print(f'right first among {labels:>3} labels "{form}": {share:.1%}')
        everything = float((scores.argmax(axis=1) == np.arange(len(names))).mean())
        print(f'right first among {len(names)} labels "{form}": {everything:.1%}')
        if options.confused:
            print("; ".join(most_confused(scores, names, options.confused)))


if __name__ == "__main__":
    main()
