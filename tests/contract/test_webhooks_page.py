"""The receiver on the page of webhooks accepts only what a worker sends."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from common.webhooks.outbox import Claim, Delivery
from common.webhooks.secrets import key_of
from tests.processes import ROOT, free_port, wait_until
from worker.net.guard import Allowed, Guard, Ports
from worker.webhooks.delivery import Sender

SECRET, OTHER = f"whsec_{'A' * 32}", f"whsec_{'B' * 32}"
GUARD = Guard(Ports.parse("1-65535"), Allowed.parse("127.0.0.0/8"))
PAGE = (ROOT / "docs" / "webhooks.md").read_text()


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Its URL, and the file that it prints to."""
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    script, printed, port = tmp_path / "receiver.py", tmp_path / "printed", free_port()
    script.write_text(code)
    url = f"http://127.0.0.1:{port}/"
    with printed.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, str(script), str(port), SECRET], stdout=out, stderr=out
        )
    try:

        def listens() -> bool:
            assert process.poll() is None, printed.read_text()
            try:
                return requests.get(url, timeout=1).status_code == 501
            except requests.ConnectionError:
                return False

        wait_until(listens, "the receiver listens")
        yield url, printed
    finally:
        process.kill()
        process.wait()


def test_the_receiver_takes_what_is_signed_and_nothing_else(receiver: tuple[str, Path]) -> None:
    url, printed = receiver
    delivery = Delivery(url, "rank", "done", 1, 1, 0, 1.0, 2.0, "pending", 1, 1)
    claim = Claim("j", 1, "127.0.0.1", delivery)

    def status_with(*secrets: str) -> int:
        keys = [key_of(secret) for secret in secrets]
        return Sender(GUARD, keys, 10, use_proxies=False).send(claim).status

    assert status_with(OTHER) == 401
    assert status_with(OTHER, SECRET) == 204
    assert status_with(SECRET) == 204
    claim = replace(claim, job="k")
    assert status_with(SECRET) == 204

    def told() -> list[str]:
        return [line for line in printed.read_text().splitlines() if line.startswith("job.")]

    wait_until(lambda: told()[-1:] == ["job.done k"], "the last message is taken in")
    assert told() == ["job.done j", "job.done k"]


def test_the_json_of_the_page_has_the_keys_of_what_is_sent() -> None:
    model = '{"name": "", "revision": ""}'
    links = '{"self": "", "cancel": ""}'
    ended = ("", "rank", "done", 1, 1, 0, 1.0, 2.0, "pending", 1, 1)
    metadata = '{"album": ""}'
    delivery = Delivery(*ended, model=model, links=links, metadata=metadata)  # type: ignore[arg-type]
    sent = delivery.body("j").decode()
    *_, shown = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert sorted(re.findall(r'"(\w+)":', sent)) == sorted(re.findall(r'"(\w+)":', shown))
