"""Measures the demonstration on an art style it never saw: `python -m demo.evaluate`.

Every thing of emojibase that the style draws is shown once, on a white ground, and ranked against
its label and the labels of other things drawn at random; none is left out. The sample images are
also searched for kinds of things. The model is loaded as any other CLIP is.

With `--precision` it is loaded as a worker loads it with that `CLIP_DTYPE`; with `--jpeg` the
images are JPEG files of that height, decoded without and with `CLIP_JPEG_DRAFT`.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demo.emojibase import Emoji, load_things
from demo.packages import DEFAULT_CACHE, HELD_OUT_STYLE, STYLES, Style
from demo.samples import QUERIES, SAMPLES
from demo.scoring import DEFAULT_MODEL, most_confused, samples_found, share_right, similarities
from demo.sprites import draw, open_style

IMAGE_PIXELS = 144
LABEL_COUNTS = (10, 100)
LABEL_FORMS = ("{}", "a photo of a {}")


def on_white(image: Image.Image) -> Image.Image:
    """Return an RGBA image laid on white, as RGB."""
    ground = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(ground, image).convert("RGB")


def drawn_things(
    style: Style, cache: Path, pixels: int = IMAGE_PIXELS
) -> tuple[list[Emoji], Iterator[Image.Image]]:
    """Return the things that the style draws, and one image of each, drawn when it is wanted."""
    drawings = open_style(style, cache)
    found = [(thing, drawn) for thing in load_things(cache) if (drawn := drawings.of(thing))]
    images = (on_white(draw(drawn[0], pixels)) for _, drawn in found)
    return [thing for thing, _ in found], images


def parse_arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="where packages are kept")
    parser.add_argument("--style", choices=sorted(STYLES), default=HELD_OUT_STYLE.name)
    parser.add_argument("--draws", type=int, default=50, help="random label lists for each image")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--confused", type=int, default=0, help="how many hard images to name")
    parser.add_argument("--precision", nargs="+", default=[], metavar="P", help="such as int8")
    parser.add_argument("--jpeg", type=int, default=0, metavar="PIXELS", help="such as 1200, high")
    return parser.parse_args()


def print_ranking(options: argparse.Namespace) -> None:
    """Print the share of right first labels, for each form of labels."""
    style = STYLES[options.style]
    things, images = drawn_things(style, options.cache)
    names, drawn = [thing.name for thing in things], list(images)
    print(f"{len(names)} things, drawn in the style {style.name}")
    for form in LABEL_FORMS:
        scores = similarities(options.model, drawn, [form.format(name) for name in names])
        print_shares(scores, f'"{form}"', options)
        if options.confused:
            print("; ".join(most_confused(scores, names, options.confused)))


def print_shares(scores: NDArray[np.float32], subject: str, options: argparse.Namespace) -> None:
    """Print the share of right first labels, for each number of labels."""
    shares = [
        (labels, share_right(scores, labels, options.draws, options.seed))
        for labels in LABEL_COUNTS
    ]
    everything = float((scores.argmax(axis=1) == np.arange(len(scores))).mean())
    for labels, share in (*shares, (len(scores), everything)):
        print(f"right first among {labels:>3} labels, {subject}: {share:.1%}")


def print_precisions(options: argparse.Namespace) -> None:
    """Print the same for precisions of a worker, and how near their vectors are to the first."""
    from demo.served import Served, as_file  # noqa: PLC0415 - needs the worker's requirements

    style = STYLES[options.style]
    pixels = options.jpeg or IMAGE_PIXELS
    things, images = drawn_things(style, options.cache, pixels)
    files = [as_file(image, "JPEG" if options.jpeg else "PNG") for image in images]
    print(f"{len(files)} things, drawn in the style {style.name}, {pixels} pixels high")
    first: NDArray[np.float32] | None = None
    for precision in options.precision or ["float32"]:
        served = Served(options.model, precision)
        texts = served.texts([thing.name for thing in things])
        for is_draft in (False, True) if options.jpeg else (False,):
            vectors = served.images(served.decoded(file, draft=is_draft) for file in files)
            subject = f"{precision}, CLIP_JPEG_DRAFT=1" if is_draft else precision
            print_shares(vectors @ texts.T, subject, options)
            first = vectors if first is None else first
            cosines = (vectors * first).sum(axis=1)
            mean, lowest = cosines.mean(), cosines.min()
            print(f"cosines of images to the first, {subject}: {mean:.5f}, lowest {lowest:.5f}")


def main() -> None:
    """Print how well labels and searches of the samples come out."""
    options = parse_arguments()
    if options.precision or options.jpeg:
        print_precisions(options)
        return
    print_ranking(options)
    for query, kind in QUERIES.items():
        found, count = samples_found(options.model, query, kind)
        print(f'first {count} of {len(SAMPLES)} samples for "{query}": {found} right')


if __name__ == "__main__":
    main()
