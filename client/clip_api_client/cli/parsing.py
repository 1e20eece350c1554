"""A command line with commands that explains what is wrong with its arguments."""

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import NoReturn

from clip_api_client.cli.exits import WRONG_REQUEST

RAW = argparse.RawDescriptionHelpFormatter
HELP = ("-h", "--help")
LIST = "list"
DESTS = ("command", "action")
END_OF_OPTIONS = "--"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
PATHS = frozenset({"files", "files_from", "labels_file", "npy", "checkout", "folder"})
"""Arguments that may have any bytes, as names of files do."""
OPTION_LINE = re.compile(r"^ +(-\S.*?)(?:  |$)", re.MULTILINE)
ASSIGNED = re.compile(r"(--[a-z][a-z-]*)=.*\s")
SURROGATE = re.compile("[\ud800-\udfff]")
FLAG = re.compile(r"(?<!\S)--?[A-Za-z][a-z-]*")


class Parser(argparse.ArgumentParser):
    """Errors are one sentence, without the usage, which takes half a screen."""

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_REQUEST, f"{self.prog}: {message}\nSee `{self.prog} --help`.\n")

    @property
    def flags(self) -> list[str]:
        """All options, as the help lists them: argparse documents no other way to ask."""
        lines = OPTION_LINE.findall(COLOUR.sub("", self.format_help()))
        return [flag for line in lines for flag in FLAG.findall(line)]


class CommandLine:
    """A parser and its commands by name; some of these have commands of their own."""

    def __init__(self, parser: Parser, dest: str, metavar: str) -> None:
        self.parser = parser
        self._actions = parser.add_subparsers(dest=dest, metavar=metavar, parser_class=Parser)
        self._commands: dict[str, Parser | CommandLine] = {}

    def add(
        self,
        name: str,
        summary: str,
        *,
        description: str | None = None,
        epilog: str | None = None,
        parents: Sequence[Parser] = (),
    ) -> Parser:
        """A command; its summary is for the list of commands."""
        parser: Parser = self._actions.add_parser(
            name,
            help=summary,
            description=description or f"{summary[0].upper()}{summary[1:]}.",
            epilog=epilog,
            parents=parents,
            formatter_class=RAW,
        )
        self._commands[name] = parser
        return parser

    def add_group(
        self, name: str, summary: str, *, description: str, epilog: str | None = None
    ) -> "CommandLine":
        """A command with actions, one of which is `list`; alone it lists."""
        parser = self.add(name, summary, description=description, epilog=epilog)
        group = CommandLine(parser, "action", "ACTION")
        self._commands[name] = group
        return group

    def parse(self, arguments: Sequence[str] | None = None) -> argparse.Namespace:
        """The values of the arguments; without arguments it exits with the help."""
        given = list(sys.argv[1:] if arguments is None else arguments)
        if not given:
            self.parser.print_help(sys.stderr)
            self.parser.exit(WRONG_REQUEST)
        commands, rest, parser = self.resolve(given)
        words = [*commands, *rest]
        known, unknown = self.parser.parse_known_args(words)
        if unknown and END_OF_OPTIONS not in rest:
            # Images may be before and after an option, which only a parser without commands allows.
            named = dict(zip(DESTS, commands, strict=False))
            known, unknown = parser.parse_known_intermixed_args(rest, argparse.Namespace(**named))
        flags = parser.flags
        # argparse takes an option that it does not know for a file if there is a space in it.
        unknown += [
            word
            for word in words
            if (found := ASSIGNED.match(word)) and not any(f.startswith(found[1]) for f in flags)
        ]
        if unknown:
            parser.error(_about_unknown(unknown, flags))
        for name, value in vars(known).items():
            if name not in PATHS and not is_utf8(value):
                # Without the value, which may be the API key.
                parser.error(f"the value of {name.replace('_', '-')} is not UTF-8")
        return known

    def resolve(self, words: list[str]) -> tuple[list[str], list[str], Parser]:
        """The command with its action, `list` if there is none; its arguments; its parser."""
        first, rest = words[0], words[1:]
        if first.startswith("-"):
            if first not in self.parser.flags:
                self.parser.error(self._about_early(first))
            return [], words, self.parser
        found = self._commands.get(first)
        if found is None:
            meant = _nearest(first, self._commands) or f"; there are {', '.join(self._commands)}"
            self.parser.error(f"there is no command {first!r}{meant}")
        if isinstance(found, Parser):
            return [first], rest, found
        if not rest or (rest[0].startswith("-") and rest[0] not in HELP):
            rest = [LIST, *rest]
        actions, rest, parser = found.resolve(rest)
        return [first, *actions], rest, parser

    def _about_early(self, flag: str) -> str:
        name = flag.partition("=")[0]
        for parser in self.parsers:
            if name in parser.flags:
                return f"{name} belongs after the command, as in `{parser.prog} {name} …`"
        return _about_unknown([flag], self.parser.flags)

    @property
    def parsers(self) -> Iterator[Parser]:
        for command in self._commands.values():
            if isinstance(command, Parser):
                yield command
            else:
                yield from command.parsers


def is_utf8(value: object) -> bool:
    """Whether all texts of a value can be sent: bytes that are not UTF-8 become surrogates."""
    if isinstance(value, list | tuple):
        return all(map(is_utf8, value))
    return not (isinstance(value, str) and SURROGATE.search(value))


def _about_unknown(unknown: Sequence[str], flags: Iterable[str]) -> str:
    """What to say about arguments that no option takes."""
    for word in unknown:
        if word.startswith("-"):
            name = word.partition("=")[0]
            return f"there is no option {name}{_nearest(name, flags)}"
    return f"unexpected argument {unknown[0]!r}"


def _nearest(word: str, names: Iterable[str]) -> str:
    """The nearest name as a question; empty if none is near."""
    # Dashes would make all options alike.
    bare = {name.lstrip("-"): name for name in names}
    nearest = get_close_matches(word.lstrip("-"), bare, 1)
    return f": did you mean {bare[nearest[0]]}?" if nearest else ""
