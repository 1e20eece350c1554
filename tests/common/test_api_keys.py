"""API keys in settings: where they are read from, which are refused, and that none is printed."""

from pathlib import Path

import pytest

from api.settings import ApiSettings
from common.settings import read

ONE, TWO, THREE = "one-0123456789abcdef", "two-0123456789abcdef", "three-0123456789abcdef"


def accepted(settings: ApiSettings) -> list[str]:
    return [key.get_secret_value() for key in settings.accepted_keys]


def refusal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> str:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        read(ApiSettings)
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith(f"{name}: ")
    return told


def test_without_keys_none_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIP_API_KEYS", "")
    monkeypatch.setenv("CLIP_API_KEYS_FILE", "")
    assert read(ApiSettings).accepted_keys == ()


@pytest.mark.parametrize("between", [",", " ", ", ", "\n", " ,\t"])
def test_keys_are_separated_by_commas_or_white_space(
    monkeypatch: pytest.MonkeyPatch, between: str
) -> None:
    monkeypatch.setenv("CLIP_API_KEYS", between.join((ONE, TWO)))
    assert accepted(read(ApiSettings)) == [ONE, TWO]


def test_a_file_holds_a_key_a_line_and_adds_to_the_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# for the shop\n{TWO}\n\n   \n  {THREE}  \n#{ONE}\n")
    monkeypatch.setenv("CLIP_API_KEYS", ONE)
    monkeypatch.setenv("CLIP_API_KEYS_FILE", str(path))
    assert accepted(read(ApiSettings)) == [ONE, TWO, THREE]


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        (f"{ONE},fifteen-letters", "key 2 has fewer than 16 characters"),
        ("schlüssel-mit-umlaut", "key 1 has characters that are not visible ASCII"),
        (" , ", "it contains no key"),
    ],
)
def test_a_weak_key_is_refused_and_not_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], keys: str, reason: str
) -> None:
    told = refusal(monkeypatch, capsys, "CLIP_API_KEYS", keys)
    assert told == f"CLIP_API_KEYS: {reason}\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"# nothing but a comment\n\n", "it contains no key"),
        (b"", "it contains no key"),
        (b"too-short\n", "key 1 has fewer than 16 characters"),
        (b"\xff\xfe\xfd", "the file is not text"),
    ],
)
def test_a_file_without_good_keys_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    content: bytes,
    reason: str,
) -> None:
    path = tmp_path / "keys"
    path.write_bytes(content)
    told = refusal(monkeypatch, capsys, "CLIP_API_KEYS_FILE", str(path))
    assert told == f"CLIP_API_KEYS_FILE: {reason}\n"


def test_a_file_that_is_not_there_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    told = refusal(monkeypatch, capsys, "CLIP_API_KEYS_FILE", str(tmp_path / "missing"))
    assert "the file cannot be read (No such file or directory)" in told


def test_a_key_given_as_the_file_is_not_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ONE not in refusal(monkeypatch, capsys, "CLIP_API_KEYS_FILE", ONE)


def test_settings_do_not_show_their_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(TWO)
    settings = ApiSettings(api_keys=ONE, api_keys_file=str(path))
    assert accepted(settings) == [ONE, TWO]
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert ONE not in shown
        assert TWO not in shown


@pytest.mark.parametrize(
    ("host", "keys", "is_open"),
    [
        ("0.0.0.0", "", True),
        ("::", "", True),
        ("192.0.2.7", "", True),
        ("clip.example", "", True),
        ("127.0.0.1", "", False),
        ("127.9.9.9", "", False),
        ("::1", "", False),
        ("[::1]", "", False),
        ("localhost", "", False),
        ("0.0.0.0", ONE, False),
    ],
)
def test_without_keys_only_loopback_is_closed_to_others(
    host: str, keys: str, is_open: bool
) -> None:
    settings = ApiSettings(host=host, api_keys=keys)
    assert settings.is_open_to_others == is_open
