"""Every setting has an effect: code outside its class reads it."""

import ast
from collections.abc import Iterable

import pytest

from api.settings import ApiSettings
from common.settings import SharedSettings
from standalone.settings import StandaloneSettings
from tests.processes import ROOT
from worker.settings import WorkerSettings

READERS: dict[type[SharedSettings], tuple[str, ...]] = {
    SharedSettings: ("common", "api", "worker", "standalone"),
    ApiSettings: ("api",),
    WorkerSettings: ("worker",),
    StandaloneSettings: ("standalone",),
}


class Reads(ast.NodeVisitor):
    """The attributes of settings that some code reads.

    A property of a settings class counts for what it reads, where it is read itself.
    """

    def __init__(self, sources: Iterable[str]) -> None:
        self.names: set[str] = set()
        self._by_property: dict[str, set[str]] = {}
        for source in sources:
            self.visit(ast.parse(source))
        pending = list(self.names)
        while pending:
            more = self._by_property.get(pending.pop(), set()) - self.names
            self.names |= more
            pending += more

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if not node.name.endswith("Settings"):
            self.generic_visit(node)
            return
        for member in node.body:
            if isinstance(member, ast.FunctionDef):
                own = {
                    each.attr
                    for each in ast.walk(member)
                    if isinstance(each, ast.Attribute) and ast.unparse(each.value) == "self"
                }
                self._by_property.setdefault(member.name, set()).update(own)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.ctx, ast.Load) and ast.unparse(node.value).endswith("settings"):
            self.names.add(node.attr)
        self.generic_visit(node)


def unread(settings: type[SharedSettings], sources: Iterable[str]) -> set[str]:
    """The fields of these settings that a class declares itself and no source reads."""
    return settings.__annotations__.keys() & settings.model_fields.keys() - Reads(sources).names


@pytest.mark.parametrize("settings", READERS)
def test_every_setting_is_read(settings: type[SharedSettings]) -> None:
    paths = [path for package in READERS[settings] for path in (ROOT / package).rglob("*.py")]
    assert unread(settings, (path.read_text() for path in paths)) == set()


class DummySettings(SharedSettings):
    """With a setting that some sources read."""

    dummy: int = 0


@pytest.mark.parametrize(
    ("source", "is_read"),
    [
        ("self._settings.dummy", True),
        ("class DummySettings:\n  def double(self): return 2 * self.dummy", False),
        ("class DummySettings:\n  def double(self): return 2 * self.dummy\nsettings.double", True),
        ("settings.dummy = 1", False),
        ("worker.dummy", False),
    ],
)
def test_a_setting_without_effect_is_found(source: str, *, is_read: bool) -> None:
    assert unread(DummySettings, [source]) == (set() if is_read else {"dummy"})
