"""The tree of errors, of which a part is in the API."""

import re

import pytest

from api import errors
from api.errors import InvalidRequest
from api.problem_details import status_of
from common.errors import ClipError


def all_errors(root: type[ClipError] = ClipError) -> list[type[ClipError]]:
    return [root, *(e for child in root.__subclasses__() for e in all_errors(child))]


def test_the_drawn_tree_is_the_real_one() -> None:
    drawn = re.findall(r"^(?:[│ ]*[├└]── )?(\w+)\b", errors.__doc__ or "", re.MULTILINE)
    assert set(drawn) - {"Every"} == {error.__name__ for error in all_errors()}


def test_every_code_is_its_own() -> None:
    codes = [error.code for error in all_errors()]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("error", [e for e in all_errors() if e is not ClipError])
def test_every_error_has_a_status(error: type[ClipError]) -> None:
    instance = error([]) if issubclass(error, InvalidRequest) else error()
    assert 400 <= status_of(type(instance)) <= 504
