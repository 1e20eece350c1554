"""The names and keywords of every emoji, read from the `emojibase-data` package."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.packages import EMOJIBASE, fetch, members

_SHORTCODE_TABLES = ("cldr", "github", "iamcal")

THING_GROUPS = ("animals-nature", "food-drink", "travel-places", "activities", "objects")
FACE_GROUP = "smileys-emotion"


@dataclass(frozen=True)
class Emoji:
    """One emoji: its code points in hexadecimal, its label and what else emojibase says of it."""

    hexcode: str
    label: str
    group: str
    subgroup: str
    names: tuple[str, ...]
    keywords: tuple[str, ...]

    @property
    def name(self) -> str:
        """The label as a caption has it."""
        return plain(self.label)


def plain(text: str) -> str:
    """Return a text as captions are written: lower case, with a plain apostrophe."""
    return text.lower().replace("\u2019", "'").strip()


def _strings(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _tables(cache: Path) -> dict[str, Any]:
    archive = fetch(EMOJIBASE, cache)
    wanted = ("en/data.json", "en/shortcodes/", "meta/groups.json", "meta/unicode-names.json")
    return {
        path: json.loads(content)
        for prefix in wanted
        for path, content in members(archive, prefix)
        if path.endswith(".json")
    }


def load_emoji(cache: Path) -> list[Emoji]:
    """Return every emoji in Unicode's order; `cache` is where packages are kept."""
    tables = _tables(cache)
    groups = tables["meta/groups.json"]
    shortcodes = [tables[f"en/shortcodes/{name}.json"] for name in _SHORTCODE_TABLES]
    unicode_names = tables["meta/unicode-names.json"]
    found = []
    for entry in sorted(tables["en/data.json"], key=lambda entry: entry.get("order", 0)):
        hexcode = entry["hexcode"]
        codes = [code for table in shortcodes for code in _strings(table.get(hexcode))]
        codes.append(unicode_names.get(hexcode, entry["label"]).lower())
        found.append(
            Emoji(
                hexcode,
                entry["label"],
                groups["groups"].get(str(entry.get("group")), ""),
                groups["subgroups"].get(str(entry.get("subgroup")), ""),
                tuple(dict.fromkeys(code.replace("_", " ") for code in codes)),
                tuple(entry.get("tags", ())),
            )
        )
    return found


def load_things(cache: Path) -> list[Emoji]:
    """Return the emoji of the five groups of things, each label once."""
    things = {e.name: e for e in reversed(load_emoji(cache)) if e.group in THING_GROUPS}
    return list(reversed(things.values()))
