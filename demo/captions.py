"""The texts a concept is trained with: its name, its other names, and its keywords."""

import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from demo.concepts import everyday_name, plain, tables
from demo.emojibase import Concept, load_emoji

TEMPLATES = (
    "{}", "{}", "{}", "a {}", "the {}", "a photo of a {}", "a picture of a {}", "a drawing of a {}",
    "a picture of a {}", "a photo of {}", "an illustration of a {}", "{} emoji",
)  # fmt: skip

# A keyword that many things share ("clothing", "animal") says too little about any of them.
MOST_CONCEPTS_OF_A_KEYWORD = 4


class Captions:
    """Draws a caption for each concept, and knows which concepts a caption is true of."""

    def __init__(self, concepts: Sequence[Concept], cache: Path) -> None:
        self._names = [concept.name for concept in concepts]
        self.concept_count = len(concepts)
        self._others = [self._other_names(concept) for concept in concepts]
        keywords = [
            {plain(word) for emoji in concept.emoji for word in emoji.keywords}
            for concept in concepts
        ]
        self.true_of: dict[str, set[int]] = {}
        for number, name in enumerate(self._names):
            for text in (name, *self._others[number], *keywords[number]):
                self.true_of.setdefault(text, set()).add(number)
        self._keywords = [
            sorted(w for w in words if len(self.true_of[w]) <= MOST_CONCEPTS_OF_A_KEYWORD)
            for words in keywords
        ]
        labels = (everyday_name(label) for label in load_emoji(cache))
        self.of_nothing_here = [label for label in labels if label not in self.true_of]

    @staticmethod
    def _other_names(concept: Concept) -> list[str]:
        own = concept.emoji[0]
        names = [
            plain(own.label),
            *map(plain, own.names),
            *tables().other_names.get(concept.name, ()),
        ]
        return sorted(set(names) - {concept.name})

    def corpus(self) -> list[str]:
        """Return every text a caption is made of, for the tokenizer to learn its pieces from."""
        framed = [template.format(name) for template in TEMPLATES for name in self._names]
        return [*framed, *sorted(self.true_of), *self.of_nothing_here]

    def draw(self, concepts: Iterable[int], chance: random.Random) -> list[str]:
        """Return one unframed caption for each concept: 55 % names, 30 % other names."""
        drawn = []
        for number in concepts:
            name, place = self._names[number], chance.random()
            pool = self._others[number] if place < 0.85 else self._keywords[number]
            drawn.append(name if place < 0.55 else chance.choice(pool or [name]))
        return drawn

    def draw_of_nothing(self, count: int, chance: random.Random) -> list[str]:
        """Return names of emoji that no concept here shows: right for no image."""
        return chance.sample(self.of_nothing_here, count)


def frame(text: str, chance: random.Random) -> str:
    """Return the caption inside a randomly chosen template."""
    return chance.choice(TEMPLATES).format(text)
