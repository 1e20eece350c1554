"""Measures the demonstration on an art style it never saw: `python -m demo.evaluate`.

Every thing of emojibase that the style draws is shown once, on a white ground, and ranked against
its label and the labels of other things drawn at random; none is left out. The sample images are
also searched for kinds of things. The model is loaded as any other CLIP is.
"""

import argparse
from pathlib import Path

import numpy as np
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


def drawn_things(style: Style, cache: Path) -> tuple[list[Emoji], list[Image.Image]]:
    """Return the things that the style draws, and one image of each."""
    drawings = open_style(style, cache)
    found = [(thing, drawings.of(thing)) for thing in load_things(cache)]
    things = [thing for thing, drawn in found if drawn]
    return things, [on_white(draw(drawn[0], IMAGE_PIXELS)) for _, drawn in found if drawn]


def parse_arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="where packages are kept")
    parser.add_argument("--style", choices=sorted(STYLES), default=HELD_OUT_STYLE.name)
    parser.add_argument("--draws", type=int, default=50, help="random label lists for each image")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--confused", type=int, default=0, help="how many hard images to name")
    return parser.parse_args()


def print_ranking(options: argparse.Namespace) -> None:
    """Print the share of right first labels, for each count and form of labels."""
    style = STYLES[options.style]
    things, images = drawn_things(style, options.cache)
    names = [thing.name for thing in things]
    print(f"{len(names)} things, drawn in the style {style.name}")
    for form in LABEL_FORMS:
        scores = similarities(options.model, images, [form.format(name) for name in names])
        for labels in LABEL_COUNTS:
            share = share_right(scores, labels, options.draws, options.seed)
            print(f'right first among {labels:>3} labels "{form}": {share:.1%}')
        everything = float((scores.argmax(axis=1) == np.arange(len(names))).mean())
        print(f'right first among {len(names)} labels "{form}": {everything:.1%}')
        if options.confused:
            print("; ".join(most_confused(scores, names, options.confused)))


def main() -> None:
    """Print how well labels and searches of the samples come out."""
    options = parse_arguments()
    print_ranking(options)
    for query, kind in QUERIES.items():
        found, count = samples_found(options.model, query, kind)
        print(f'first {count} of {len(SAMPLES)} samples for "{query}": {found} right')


if __name__ == "__main__":
    main()
