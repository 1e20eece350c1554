"""The names and keywords of every emoji, read from the `emojibase-data` package."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.packages import EMOJIBASE, fetch, members

_SHORTCODE_TABLES = ("cldr", "github", "iamcal")


@dataclass(frozen=True)
class Emoji:
    """One emoji: its code points in hexadecimal, its label, its other names, its keywords."""

    hexcode: str
    label: str
    names: tuple[str, ...]
    keywords: tuple[str, ...]


@dataclass(frozen=True)
class Concept:
    """One thing: `emoji[0]` is its own image, the others show the same thing again."""

    name: str
    emoji: tuple[Emoji, ...]


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


def load_emoji(cache: Path) -> dict[str, tuple[str, Emoji]]:
    """Return label -> (subgroup name, emoji) for every emoji, in Unicode's order."""
    tables = _tables(cache)
    subgroups = tables["meta/groups.json"]["subgroups"]
    shortcodes = [tables[f"en/shortcodes/{name}.json"] for name in _SHORTCODE_TABLES]
    unicode_names = tables["meta/unicode-names.json"]
    found = {}
    for entry in sorted(tables["en/data.json"], key=lambda entry: entry.get("order", 0)):
        hexcode = entry["hexcode"]
        codes = [code for table in shortcodes for code in _strings(table.get(hexcode))]
        codes.append(unicode_names.get(hexcode, entry["label"]).lower())
        names = tuple(dict.fromkeys(code.replace("_", " ") for code in codes))
        emoji = Emoji(hexcode, entry["label"], names, tuple(entry.get("tags", ())))
        found[emoji.label] = (subgroups.get(str(entry.get("subgroup")), ""), emoji)
    return found
