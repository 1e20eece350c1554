"""Draws the sample images in the held-out style: `python -m demo.draw_pictures`.

With `--check` it also ranks each image against every sample's name.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from demo.emojibase import load_things
from demo.packages import DEFAULT_CACHE, HELD_OUT_STYLE
from demo.samples import FIRST_ELEVEN, PICTURES, SAMPLES, Sample
from demo.scoring import DEFAULT_MODEL, sample_similarities
from demo.sprites import draw, open_style

IMAGE_PIXELS = 384
THING_PIXELS = 288

CLOTHES = (
    "t-shirt", "jeans", "dress", "sneakers", "jacket",
    "hat", "handbag", "socks", "scarf", "sunglasses",
)  # fmt: skip
WORN = 5


def compose(thing: Image.Image, ground: str) -> Image.Image:
    """Return an RGBA image in the middle of a larger plain square, as RGB."""
    image = Image.new("RGBA", (IMAGE_PIXELS, IMAGE_PIXELS), ground)
    margin = (IMAGE_PIXELS - thing.width) // 2
    image.alpha_composite(thing, (margin, margin))
    return image.convert("RGB")


def draw_samples(folder: Path, cache: Path) -> None:
    """Write to `folder` every sample that is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    drawings = open_style(HELD_OUT_STYLE, cache)
    emoji = {thing.name: thing for thing in load_things(cache)}
    for sample in SAMPLES:
        if not (folder / sample.file).exists():
            thing = draw(drawings.of(emoji[sample.name])[0], THING_PIXELS)
            compose(thing, sample.ground).save(folder / sample.file, optimize=True, quality=90)


def check(samples: Sequence[Sample], labels: Sequence[str], model: Path) -> None:
    """Print which of `labels` come first for each sample."""
    scored = sample_similarities(model, samples, labels)
    for sample, scores in zip(samples, scored, strict=True):
        best = [labels[number] for number in scores.argsort()[::-1][:3]]
        print(f"{sample.file}: {', '.join(best)}")


def main() -> None:
    """Draw the samples, and check them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=PICTURES)
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="where packages are kept")
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--check", action="store_true", help="rank each sample's name")
    options = parser.parse_args()
    draw_samples(options.folder, options.cache)
    if options.check:
        names = [sample.name for sample in FIRST_ELEVEN]
        check(FIRST_ELEVEN, names, options.model)
        check(SAMPLES, [sample.name for sample in SAMPLES], options.model)
        check(FIRST_ELEVEN[:WORN], CLOTHES, options.model)


if __name__ == "__main__":
    main()
