"""Draws the sample images in the held-out style: `python -m demo.draw_pictures`.

With `--check` it also ranks each image against every sample's name.
"""

import argparse
from pathlib import Path

from PIL import Image

from demo.concepts import everyday_things
from demo.evaluate import DEFAULT_MODEL, similarities
from demo.packages import DEFAULT_CACHE, HELD_OUT_STYLE
from demo.sprites import draw, open_style

DEFAULT_FOLDER = Path(__file__).parent / "pictures"
IMAGE_PIXELS = 384
THING_PIXELS = 288

# File name and ground colour of each sample; one is a JPEG, so that both formats are tried.
SAMPLES = {
    "t-shirt": ("t-shirt.png", "white"),
    "jeans": ("jeans.png", "white"),
    "dress": ("dress.png", "#f4efe6"),
    "running shoe": ("running-shoe.jpg", "white"),
    "sunglasses": ("sunglasses.png", "white"),
    "cat": ("cat.png", "#e8f1f8"),
    "elephant": ("elephant.png", "#e8f1f8"),
    "pizza": ("pizza.png", "white"),
    "guitar": ("guitar.png", "#f4efe6"),
    "bicycle": ("bicycle.png", "white"),
    "umbrella": ("umbrella.png", "#eeeeee"),
}

CLOTHES = (
    "t-shirt", "jeans", "dress", "sneakers", "jacket",
    "hat", "handbag", "socks", "scarf", "sunglasses",
)  # fmt: skip


WORN = ("t-shirt", "jeans", "dress", "running shoe", "sunglasses")


def compose(thing: Image.Image, ground: str) -> Image.Image:
    """Return an RGBA image in the middle of a larger plain square, as RGB."""
    image = Image.new("RGBA", (IMAGE_PIXELS, IMAGE_PIXELS), ground)
    margin = (IMAGE_PIXELS - thing.width) // 2
    image.alpha_composite(thing, (margin, margin))
    return image.convert("RGB")


def draw_samples(folder: Path, cache: Path) -> list[Path]:
    """Write every sample to `folder` and return the paths, in the order of `SAMPLES`."""
    folder.mkdir(parents=True, exist_ok=True)
    drawings = open_style(HELD_OUT_STYLE, cache)
    emoji = {concept.name: concept.emoji[0] for concept in everyday_things(cache)}
    paths = []
    for name, (file_name, ground) in SAMPLES.items():
        thing = draw(drawings.of(emoji[name])[0], THING_PIXELS)
        compose(thing, ground).save(folder / file_name, optimize=True, quality=90)
        paths.append(folder / file_name)
    return paths


def check(paths: list[Path], labels: list[str], model: Path) -> None:
    """Print which of `labels` come first for each image."""
    images = [Image.open(path).convert("RGB") for path in paths]
    for path, scores in zip(paths, similarities(model, images, labels), strict=True):
        best = [labels[number] for number in scores.argsort()[::-1][:3]]
        print(f"{path.name}: {', '.join(best)}")


def main() -> None:
    """Draw the samples, and check them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER)
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="where packages are kept")
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--check", action="store_true", help="rank each sample's name")
    options = parser.parse_args()
    paths = draw_samples(options.folder, options.cache)
    if options.check:
        check(paths, list(SAMPLES), options.model)
        clothes = [path for path, name in zip(paths, SAMPLES, strict=True) if name in WORN]
        check(clothes, list(CLOTHES), options.model)


if __name__ == "__main__":
    main()
