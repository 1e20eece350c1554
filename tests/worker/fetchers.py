"""Fetchers for tests: only what a test allows explicitly may be fetched from loopback."""

import socket
from collections.abc import Mapping

from worker.batching.policy import PartRef
from worker.net.exchange import ClientOptions
from worker.net.fetch import Fetcher, FetchLimits
from worker.net.guard import Allowed, Endpoint, Guard, Ports, Resolver, look_up
from worker.net.trust import ContextMaker, trusting_public_authorities

LOOPBACK = Guard(Ports.parse("1-65535"), Allowed.parse("127.0.0.0/8"))


class BlockingFetcher(Fetcher):
    """Fetches one image for whichever test calls it."""

    def fetch(self, url: str) -> bytes:
        return self.submit(url, PartRef(), lambda content, _: content).result()


def loopback_fetcher(
    max_bytes: int,
    timeout_s: float,
    *,
    allow: str = "127.0.0.0/8",
    per_host: int = 8,
    resolve: Resolver = look_up,
    trusted: ContextMaker = trusting_public_authorities,
) -> BlockingFetcher:
    guard = Guard(Ports.parse("1-65535"), Allowed.parse(allow), resolve)
    return BlockingFetcher(
        guard, FetchLimits(max_bytes, timeout_s, per_host), options=ClientOptions(trusted)
    )


class TestResolver:
    """Names of the test's own, and addresses; no name server outside is ever asked.

    A name with several addresses gets one after the other, and the last one from then on.
    """

    __test__ = False

    def __init__(self, names: Mapping[str, str | list[str]]) -> None:
        self.asked: list[str] = []
        self._names = {
            name: [answers] if isinstance(answers, str) else list(answers)
            for name, answers in names.items()
        }

    def __call__(self, host: str, port: int) -> list[Endpoint]:
        self.asked.append(host)
        answers = self._names.get(host)
        if answers is not None:
            host = answers.pop(0) if len(answers) > 1 else answers[0]
        return look_up(host, port, socket.AI_NUMERICHOST)
