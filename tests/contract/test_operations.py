"""What the page on operations promises."""

import re

import pytest

from common.errors import Unavailable
from common.settings import SharedSettings
from tests.processes import ROOT
from worker.queue.celery_options import REFUSED

PAGE = (ROOT / "docs" / "operations.md").read_text()


def test_its_codes_are_those_of_the_code() -> None:
    known = {kind.code for kind in Unavailable.__subclasses__()}
    assert set(re.findall(r"^\| 503 `(\w+)`", PAGE, re.MULTILINE)) <= known


def test_the_table_of_refused_options_is_that_of_the_code() -> None:
    assert re.findall(r"^\| `(--.+)` \| (.+) \|$", PAGE, re.MULTILINE) == [
        tuple(reason.split(": ", 1)) for reason in REFUSED.values()
    ]


@pytest.mark.parametrize("scheme", ["sentinel", "redis+cluster"])
def test_a_url_that_cannot_work_is_refused(scheme: str) -> None:
    with pytest.raises(ValueError, match="redis_url"):
        SharedSettings(redis_url=f"{scheme}://somewhere:26379/0")
