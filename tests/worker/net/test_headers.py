"""The request headers of fetches and webhooks."""

import re
import tomllib
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler

import pytest

from common.settings import VERSION, read
from tests.image_server import ImageServer
from tests.processes import ROOT
from tests.webhook_receiver import Receiver
from tests.worker.fetchers import LOOPBACK, BlockingFetcher, loopback_fetcher
from worker.assembly import make_fetcher, make_webhook_sender
from worker.net.exchange import USER_AGENT, ClientOptions, Message, WebClient
from worker.net.fetch import FetchLimits
from worker.net.terms import Terms
from worker.settings import WorkerSettings

OWN = "example-tagger/2.1 (+https://example.org/bot; bot@example.org)"
OWN_OPTIONS = ClientOptions(user_agent=OWN)


def strict(image: bytes, seen: list[Mapping[str, str]]) -> Callable[[BaseHTTPRequestHandler], None]:
    """A host that answers 403 without a User-Agent with a contact and an Accept header."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        seen.append(dict(handler.headers.items()))
        is_welcome = "(" in handler.headers.get("User-Agent", "") and (
            "image/*" in handler.headers.get("Accept", "")
        )
        handler.send_response(200 if is_welcome else 403)
        handler.send_header("Content-Length", str(len(image) if is_welcome else 0))
        handler.end_headers()
        if is_welcome:
            handler.wfile.write(image)

    return answer


def test_a_host_that_requires_a_user_agent_answers(image_server: ImageServer) -> None:
    seen: list[Mapping[str, str]] = []
    url = image_server.behave(strict(b"an image", seen))
    assert loopback_fetcher(100, 5.0).fetch(url) == b"an image"
    assert re.fullmatch(r"clip-api/\d+\.\d+\.\d+ \(\+\S+\)", seen[0]["User-Agent"])
    assert seen[0]["Accept"] == "image/*,*/*;q=0.8"


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION
    assert f"clip-api/{VERSION} " in USER_AGENT


def test_the_operator_can_set_the_user_agent(image_server: ImageServer) -> None:
    seen: list[Mapping[str, str]] = []
    url = image_server.behave(strict(b"an image", seen))
    goal = image_server.serve(b"", 302, Location=url)
    fetcher = BlockingFetcher(LOOPBACK, FetchLimits(100, 5.0), options=OWN_OPTIONS)
    assert fetcher.fetch(goal) == b"an image"
    assert seen[0]["User-Agent"] == OWN


def test_webhooks_send_the_user_agent_too() -> None:
    with Receiver().running() as receiver:
        client = WebClient(LOOPBACK, options=OWN_OPTIONS)
        with client.deadline(5) as deadline:
            client.post(Message(receiver.url, {}, b"{}"), Terms(deadline))
        assert receiver.received[0].headers["user-agent"] == OWN


def test_the_setting_applies_to_fetches_and_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIP_FETCH_USER_AGENT", OWN)
    settings = read(WorkerSettings)
    fetching = make_fetcher(settings).client
    assert fetching is not None
    assert fetching.options.user_agent == OWN
    assert make_webhook_sender(settings).client.options.user_agent == OWN


@pytest.mark.parametrize("value", ["", " ", "two\r\nlines", "ünïcode", "x" * 600])
def test_an_invalid_user_agent_is_refused_at_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    monkeypatch.setenv("CLIP_FETCH_USER_AGENT", value)
    with pytest.raises(SystemExit):
        read(WorkerSettings)
    assert capsys.readouterr().err.startswith("CLIP_FETCH_USER_AGENT: ")
