"""Where `encode --npy` writes, without a service."""

from pathlib import Path

import pytest
from clip_api_client.__main__ import main
from clip_api_client.cli.encode import _npy
from clip_api_client.cli.exits import UsageError


def test_a_folder_is_refused_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    # Nothing listens there: an attempt to encode would be an outage.
    code = main(
        ["encode", "--text", "a", "--url", "localhost:1", "--retries", "0", "--npy", str(taken)]
    )
    assert code == 2
    assert capsys.readouterr().err == f"clip-api: {taken} could not be written: it is a folder\n"
    assert list(tmp_path.iterdir()) == [taken]


def test_rows_are_kept_if_their_place_is_taken_meanwhile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "taken"
    with pytest.raises(UsageError, match="could not be written"), _npy(str(taken), 0, quiet=True):
        taken.mkdir()
    assert capsys.readouterr().err == f"clip-api: kept all rows in {taken}.part\n"
    assert (tmp_path / "taken.part").stat().st_size
