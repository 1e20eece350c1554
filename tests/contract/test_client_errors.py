"""The client has the service's tree of errors."""

from clip_api_client import errors as theirs

from api.errors import DeadlineExceeded
from common.errors import ClipError

OF_THE_CLIENT = {"UnreadableImage", "Unreachable", "UnexpectedAnswer"}


def edges(root: type[Exception]) -> set[tuple[str, str, str, str]]:
    """Every class below with its parent, code and title."""
    return {
        (kind.__name__, root.__name__, kind.code, kind.title)  # type: ignore[attr-defined]
        for kind in root.__subclasses__()
    } | {edge for kind in root.__subclasses__() for edge in edges(kind)}


def test_the_client_has_the_same_tree() -> None:
    known = {edge for edge in edges(theirs.ClipError) if edge[0] not in OF_THE_CLIENT}
    ours = edges(ClipError)
    assert known == ours
    assert DeadlineExceeded.__name__ in {edge[0] for edge in ours}, "the API's errors count"


def test_each_code_leads_to_its_class() -> None:
    for kind in theirs.kinds():
        assert theirs.kind_of(kind.code) is kind
    assert theirs.kind_of("of_the_future") is None


def test_its_tree_is_drawn_as_it_is() -> None:
    lines = (theirs.__doc__ or "").splitlines()
    drawn = [line.rsplit("─ ", 1)[1].split()[0] for line in lines if "─ " in line]
    assert sorted(["ClipError", *drawn]) == sorted(kind.__name__ for kind in theirs.kinds())
