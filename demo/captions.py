"""The texts a concept is trained with: its name, its other names, and its keywords."""

import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from demo.concepts import Category, categories, other_names
from demo.emojibase import Emoji, load_emoji, plain

TEMPLATES = (
    "{}", "{}", "{}", "{}", "a {}", "a {}", "the {}", "a photo of a {}", "a picture of a {}",
    "a drawing of a {}", "an image of a {}", "a photo of {}", "a picture of {}", "an icon of a {}",
    "an illustration of a {}", "a photo of the {}", "{} emoji", "this is a {}",
)  # fmt: skip

# Some say "a photo of something to eat", but nobody says "a something to eat".
CATEGORY_TEMPLATES = (
    "{}", "{}", "{}", "a photo of {}", "a picture of {}", "this is {}", "an image of {}",
)  # fmt: skip

# A keyword that many things share ("red", "ocean") says too little about any of them.
MOST_CONCEPTS_OF_A_KEYWORD = 4
# How many captions are not the name, and how many of those are other names.
NO_NAMES, OTHER_NAMES = 0.4, 0.62


class Captions:
    """Draws a caption for each concept, and knows which concepts a caption is true of."""

    def __init__(self, concepts: Sequence[Emoji], cache: Path) -> None:
        self.names = [emoji.name for emoji in concepts]
        self.categories = categories(concepts)
        category_words = {word for category in self.categories for word in category.words}
        self._others = [
            [name for name in other_names(emoji) if name not in category_words]
            for emoji in concepts
        ]
        keywords = [{plain(word) for word in emoji.keywords} for emoji in concepts]
        self.true_of: dict[str, set[int]] = {}
        for number, name in enumerate(self.names):
            for text in (name, *self._others[number], *keywords[number]):
                self.true_of.setdefault(text, set()).add(number)
        self._keywords = [
            sorted(
                word
                for word in found
                if len(self.true_of[word]) <= MOST_CONCEPTS_OF_A_KEYWORD
                and word not in category_words
            )
            for found in keywords
        ]
        labels = (emoji.name for emoji in load_emoji(cache))
        self.of_nothing_here = [label for label in labels if label not in self.true_of]

    def corpus(self) -> list[str]:
        """Return every text a caption is made of, for the tokenizer to learn its pieces from."""
        framed = [template.format(name) for template in TEMPLATES for name in self.names]
        general = [word for category in self.categories for word in category.words]
        return [*framed, *sorted(self.true_of), *self.of_nothing_here, *general * 4]

    def draw(self, concepts: Iterable[int], chance: random.Random, difficulty: float) -> list[str]:
        """Return one unframed caption for each concept: all names at difficulty 0."""
        drawn = []
        for number in concepts:
            name, place = self.names[number], chance.random()
            pool = self._others if chance.random() < OTHER_NAMES else self._keywords
            drawn.append(
                name if place > NO_NAMES * difficulty else chance.choice(pool[number] or [name])
            )
        return drawn

    def draw_of_nothing(self, count: int, chance: random.Random) -> list[str]:
        """Return names of emoji that no concept here shows: right for no image."""
        return chance.sample(self.of_nothing_here, count)

    def draw_categories(
        self, count: int, chance: random.Random
    ) -> tuple[list[str], list[Category]]:
        """Return framed words of `count` different categories, and those categories."""
        drawn = chance.sample(self.categories, count)
        texts = [
            chance.choice(CATEGORY_TEMPLATES).format(chance.choice(category.words))
            for category in drawn
        ]
        return texts, drawn


def frame(text: str, chance: random.Random, difficulty: float) -> str:
    """Return the caption inside a randomly chosen template, with "an" where it belongs."""
    if chance.random() > difficulty:
        return text
    framed = chance.choice(TEMPLATES).format(text)
    # People also write "a elephant", so the rule is kept only half of the time.
    if text[:1] in "aeiou" and chance.random() < 0.5:
        return framed.replace(f"a {text}", f"an {text}")
    return framed
