"""What the demonstration learns: every emoji of a thing, and faces and hearts besides."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache as remembered
from pathlib import Path

from demo.emojibase import FACE_GROUP, Emoji, load_emoji, load_things

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Category:
    """Words that are right for many things, and the things that they may be right for."""

    words: tuple[str, ...]
    true: frozenset[int]
    maybe: frozenset[int]


@dataclass(frozen=True)
class Words:
    """The tables of words.toml and categories.toml."""

    ambiguous_in_icon_sets: frozenset[str]
    other_names: dict[str, list[str]]
    categories: dict[str, dict[str, list[str]]]


@remembered
def words() -> Words:
    """Read the tables, once."""
    read = tomllib.loads((_FOLDER / "words.toml").read_text("utf-8"))
    tables = tomllib.loads((_FOLDER / "categories.toml").read_text("utf-8"))
    return Words(frozenset(read["ambiguous_in_icon_sets"]), read["other_names"], tables)


def load_concepts(cache: Path) -> tuple[list[Emoji], int]:
    """Return the concepts and how many of them are things; faces and hearts come after those."""
    things = load_things(cache)
    faces = [emoji for emoji in load_emoji(cache) if emoji.group == FACE_GROUP]
    return [*things, *faces], len(things)


def other_names(emoji: Emoji) -> list[str]:
    """Return what else a person may call the thing."""
    # Shortcodes tell two emoji of one name apart by a number: "dog2" is a dog.
    names = [name.rstrip("0123456789").strip() or name for name in emoji.names]
    return sorted({*names, *words().other_names.get(emoji.name, ())} - {emoji.name})


def members_of(table: dict[str, list[str]], concepts: Sequence[Emoji]) -> Category:
    """Return the category of a table of categories.toml over these concepts."""
    left_out = {*table.get("maybe", ()), *table.get("not", ())}
    true, maybe = set(), set()
    for number, emoji in enumerate(concepts):
        in_subgroup = emoji.subgroup in table.get("subgroups", ()) and emoji.name not in left_out
        if in_subgroup or emoji.name in table.get("labels", ()):
            true.add(number)
        elif emoji.name in table.get("maybe", ()) or emoji.subgroup in table.get(
            "maybe_subgroups", ()
        ):
            maybe.add(number)
    return Category(tuple(table["words"]), frozenset(true), frozenset(maybe))


def categories(concepts: Sequence[Emoji]) -> list[Category]:
    """Return every category of categories.toml over these concepts."""
    return [members_of(table, concepts) for table in words().categories.values()]
