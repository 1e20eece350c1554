import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import InvalidRequest
from api.request.preference import Preference, parse_prefer, preference
from common.protocol.messages import Priority


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], {}),
        (["respond-async"], {"respond-async": ""}),
        (["respond-async, wait=10"], {"respond-async": "", "wait": "10"}),
        (["respond-async", "wait=10"], {"respond-async": "", "wait": "10"}),
        (["Wait = 10 ,RESPOND-ASYNC"], {"wait": "10", "respond-async": ""}),
        (['wait="10"'], {"wait": "10"}),
        (["wait=1, wait=2"], {"wait": "1"}),
        (["respond-async; foo=bar; baz, wait=3"], {"respond-async": "", "wait": "3"}),
        ([", ,respond-async,"], {"respond-async": ""}),
        (['handling="a, \\"b\\"; c", wait=3'], {"handling": 'a, "b"; c', "wait": "3"}),
        (["respond-async @@ wait=3"], {}),
        (["wait=3 4"], {}),
    ],
)
def test_prefer_is_read_as_a_list(headers: list[str], expected: dict[str, str]) -> None:
    assert parse_prefer(headers) == expected


@given(st.text())
def test_no_header_breaks_the_parser(header: str) -> None:
    assert isinstance(parse_prefer([header]), dict)


@pytest.mark.parametrize(
    "header",
    ["a" + ";  " * 2600 + "\x01", "a;" + "b = " * 2000, 'a="' + "\\" * 8000, " " * 8000 + "@"],
)
def test_an_ambiguous_header_costs_no_time(header: str) -> None:
    started = time.monotonic()
    assert parse_prefer([header]) == {}
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    ("headers", "wait", "expected"),
    [
        ([], None, Preference(Priority.INTERACTIVE, 60)),
        (["wait=5"], None, Preference(Priority.INTERACTIVE, 60)),
        (["respond-async"], None, Preference(Priority.BULK, 0)),
        (["respond-async, wait=5"], None, Preference(Priority.BULK, 5)),
        (["respond-async, wait=500"], None, Preference(Priority.BULK, 60)),
        (["respond-async, wait=soon"], None, Preference(Priority.BULK, 0)),
        ([], "0", Preference(Priority.BULK, 0)),
        ([], "2.5", Preference(Priority.BULK, 2.5)),
        ([], "25e-1", Preference(Priority.BULK, 2.5)),
        ([], "-0.0", Preference(Priority.BULK, 0)),
        ([], "1e999", Preference(Priority.BULK, 60)),
        (["respond-async, wait=5"], "7", Preference(Priority.BULK, 7)),
    ],
)
def test_header_and_parameter_say_it_together(
    headers: list[str], wait: str | None, expected: Preference
) -> None:
    assert preference(headers, wait, longest_s=60) == expected


@pytest.mark.parametrize(
    "wait", ["", "-1", "-1e-9", "soon", "٣", "nan", "inf", "+1", " 1", "1" * 999]
)
def test_a_parameter_that_is_no_number_is_refused(wait: str) -> None:
    with pytest.raises(InvalidRequest):
        preference([], wait, longest_s=60)
