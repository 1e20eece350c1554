"""`clip-api serve`."""

import os
from argparse import Namespace
from pathlib import Path

import pytest
from clip_api_client.cli import serve

from tests.client.commands import environment, run
from tests.processes import ROOT


def test_serve_without_the_service_says_so(tmp_path: Path) -> None:
    ended = run("serve", folder=tmp_path, env=environment())
    assert ended.code == 2
    assert "no checkout of the service" in ended.errors


def test_serve_starts_what_make_run_starts(tmp_path: Path) -> None:
    ended = run("serve", "--checkout", ROOT, folder=tmp_path, env=environment(CLIP_PORT="many"))
    assert ended.code == 2
    assert "CLIP_PORT: Input should be a valid integer" in ended.errors


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """The environment of the service that is started in `tmp_path` with relative paths."""
    (tmp_path / "own-model").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLIP_DATA", "data")
    monkeypatch.setenv("CLIP_MODEL", "own-model")
    monkeypatch.setenv("CLIP_MODELS", "openai/clip-vit-base-patch16, own-model")
    monkeypatch.setenv("CLIP_API_KEYS_FILE", "~/keys")
    monkeypatch.delenv("CLIP_WEBHOOK_SECRET_FILE", raising=False)
    started: dict[str, str] = {}

    def start(program: str, arguments: list[str], env: dict[str, str]) -> None:
        assert arguments == [program, "-m", "standalone"]
        assert Path.cwd() == ROOT
        started.update(env)

    monkeypatch.setattr(os, "execve", start)
    monkeypatch.setattr(serve, "_python", lambda _: "python")
    serve.run(Namespace(checkout=str(ROOT)))
    return started


def test_paths_are_relative_to_where_it_is_called(served: dict[str, str], tmp_path: Path) -> None:
    assert served["CLIP_DATA"] == str(tmp_path / "data")
    assert served["CLIP_MODEL"] == str(tmp_path / "own-model")
    assert served["CLIP_MODELS"] == f"openai/clip-vit-base-patch16,{tmp_path / 'own-model'}"
    assert served["CLIP_API_KEYS_FILE"] == str(Path.home() / "keys")
    assert "CLIP_WEBHOOK_SECRET_FILE" not in served
