"""What the README and the page of settings promise."""

import re
from typing import get_args

from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo

from api.settings import ApiSettings
from common.setting_names import PREFIX
from common.settings import SharedSettings
from standalone.settings import StandaloneSettings
from tests.processes import ROOT
from worker.settings import WorkerSettings

README = (ROOT / "README.md").read_text()
SETTINGS = (ROOT / "docs" / "settings.md").read_text()
LIMITS = {Ge: ("≥", "ge"), Gt: (">", "gt"), Le: ("≤", "le")}


def bounds(field: FieldInfo) -> str:
    choices = [f"`{choice}`" for choice in get_args(field.annotation) if isinstance(choice, str)]
    limits = [
        f"{sign} {getattr(limit, name):.15g}"
        for limit in field.metadata
        for kind, (sign, name) in LIMITS.items()
        if isinstance(limit, kind)
    ]
    free = "`true`, `false`" if field.annotation is bool else "text"
    return ", ".join(choices or limits) or free


def default(field: FieldInfo) -> str:
    if field.default in ("", ()):
        return "none"
    told = str(field.default)
    return f"`{told.lower() if isinstance(field.default, bool) else told}`"


def described_before(kind: type[SharedSettings]) -> set[str]:
    """The settings of other tables."""
    shared = set(SharedSettings.model_fields)
    if kind is StandaloneSettings:
        return shared | set(ApiSettings.model_fields) | set(WorkerSettings.model_fields)
    return set() if kind is SharedSettings else shared


def rows(kind: type[SharedSettings]) -> list[str]:
    return [
        f"| `{PREFIX}{name.upper()}` | {default(field)} | {bounds(field)} | {field.description} |"
        for name, field in kind.model_fields.items()
        if name not in described_before(kind)
    ]


def table(kind: type[SharedSettings]) -> str:
    head = ["| variable | default | bounds | meaning |", "|---|---|---|---|"]
    return "\n".join([*head, *rows(kind)])


def test_every_setting_has_a_description() -> None:
    for kind in (ApiSettings, WorkerSettings):
        for name, field in kind.model_fields.items():
            assert field.description, name


def test_the_tables_of_settings_are_those_of_the_code() -> None:
    for kind in (SharedSettings, ApiSettings, WorkerSettings, StandaloneSettings):
        assert table(kind) in SETTINGS, f"\n{table(kind)}\n"


def test_every_variable_that_the_readme_names_is_a_setting() -> None:
    kinds = (ApiSettings, WorkerSettings, StandaloneSettings)
    names = {name for kind in kinds for name in kind.model_fields}
    known = {PREFIX + name.upper() for name in names}
    assert set(re.findall(r"\bCLIP_[A-Z_]+", README)) <= known


def test_it_is_short() -> None:
    assert len(README.splitlines()) < 150


def test_its_commands_are_targets_of_make() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
