"""Which things the demonstration knows: the rule that training and evaluation share.

The rule: a concept is an emoji of one of the subgroups of everyday.toml (emojibase's grouping,
which is Unicode's) that is a thing one could draw by itself. Emoji that show the same thing again
are further images of that thing, not concepts; what is a sign or a mere part, a scene told apart
by its wording, a place or figure known by its name, or one of a row of near-identical drawings is
left out. Nothing is left out for being hard to recognise.
"""

import tomllib
from dataclasses import dataclass
from functools import cache as remembered
from pathlib import Path

from demo.emojibase import Concept, load_emoji

_TABLES = Path(__file__).parent / "everyday.toml"

# "twelve o'clock", "twelve-thirty" and so on: 24 drawings that differ by their hands alone.
_CLOCK_FACE_ENDINGS = ("o\u2019clock", "-thirty")


@dataclass(frozen=True)
class Tables:
    """The tables of everyday.toml."""

    subgroups: frozenset[str]
    left_out: frozenset[str]
    same_thing: dict[str, list[str]]
    renamed: dict[str, str]
    other_names: dict[str, list[str]]


@remembered
def tables() -> Tables:
    """Read the tables, once."""
    with _TABLES.open("rb") as file:
        read = tomllib.load(file)
    left_out = frozenset(label for labels in read["left_out"].values() for label in labels)
    return Tables(
        frozenset(read["subgroups"]),
        left_out,
        read["same_thing"],
        read["renamed"],
        read["other_names"],
    )


def plain(text: str) -> str:
    """Return a text as captions are written: lower case, with a plain apostrophe."""
    return text.lower().replace("\u2019", "'").strip()


def everyday_name(label: str) -> str:
    """Return what the thing with this emoji label is called here."""
    return plain(tables().renamed.get(label, label))


def everyday_things(cache: Path) -> list[Concept]:
    """Return the concepts in Unicode's order; `cache` is where packages are kept."""
    emoji, rule = load_emoji(cache), tables()
    shown_elsewhere = {label for labels in rule.same_thing.values() for label in labels}
    return [
        Concept(
            everyday_name(label),
            (own, *(emoji[other][1] for other in rule.same_thing.get(label, ()))),
        )
        for label, (subgroup, own) in emoji.items()
        if subgroup in rule.subgroups
        and label not in rule.left_out
        and label not in shown_elsewhere
        and not label.endswith(_CLOCK_FACE_ENDINGS)
    ]
