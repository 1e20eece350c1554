"""What `clip-api rank --submit` refuses, before it connects."""

from pathlib import Path

import pytest
from clip_api_client.__main__ import main

from tests.processes import SAMPLES

JEANS = str(SAMPLES / "jeans.png")
NOWHERE = ("--url", "localhost:1", "--retries", "0")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--submit", "--json"], "--submit prints only the ID of the job: leave out --json"),
        (["--submit", "--csv"], "--submit prints only the ID of the job: leave out --csv"),
        (["--submit", "--top", "all"], "--submit prints only the ID of the job: leave out --top"),
        (["--metadata", "a=1", "--metadata", "a=2"], "--metadata has 'a' twice"),
    ],
)
def test_what_would_be_ignored_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(["rank", JEANS, "-l", "a", *arguments, *NOWHERE]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert words in told.err


def test_an_unreadable_image_is_named_and_nothing_is_submitted(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    nope = str(tmp_path / "nope.png")
    assert main(["rank", JEANS, nope, "-l", "a", "--submit", *NOWHERE]) == 2
    assert capsys.readouterr().err == (
        f"clip-api: {nope} could not be read: No such file or directory\n"
        "clip-api: nothing was submitted: a job numbers its images, so none is left out\n"
    )
