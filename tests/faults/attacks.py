"""Hostile clients beside normal load."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import requests
from PIL import Image

from tests.faults.crowd import Crowd
from tests.faults.deployment import Deployment, deployed
from tests.faults.load import Load, Tally, under_load
from tests.faults.peaks import Peaks
from tests.images import blob, encoded
from tests.loopback import hanging_port, many_hosts
from tests.raw_http import json_request
from tests.webhook_receiver import Receiver

SECRET = "whsec_" + "QUJD" * 8
LABELS = [{"text": f"a{number}"} for number in range(1000)]


def under_attack(service: Deployment, attack: Callable[[Load], None]) -> Tally:
    """The same as under load; the tally tells the memory that it took."""
    peaks = Peaks(service)
    tally = under_load(service, attack)
    tally.grown_mb = peaks.grown_mb()
    return tally


def post(service: Deployment, path: str, body: object) -> requests.Response:
    return requests.post(f"{service.api.url}{path}", json=body, timeout=150)


def images_of_hanging_hosts(folder: Path) -> Tally:
    with deployed(folder, fetch_timeout_s=8) as service, hanging_port() as port:

        def images(first: int) -> dict[str, Any]:
            urls = (f"http://{many_hosts(first + n)}:{port}/{n}" for n in range(1000))
            return {"queries": [{"img_uri": url} for url in urls], "candidates": LABELS[:1]}

        def attack(load: Load) -> None:
            with ThreadPoolExecutor(2) as pool:
                for first in (0, 1000):
                    pool.submit(post, service, "/rank?wait=0", images(first))
            load.wait_for(done=500)

        return under_attack(service, attack)


def prompts_that_multiply(folder: Path) -> Tally:
    body = {"queries": LABELS[:1], "candidates": LABELS, "template": "x" * 16_000 + "{}"}
    with deployed(folder) as service:

        def attack(_: Load) -> None:
            for _time in range(100):
                assert post(service, "/rank", body).status_code == 422

        return under_attack(service, attack)


def answers_that_nobody_reads(folder: Path) -> Tally:
    body = orjson.dumps({"queries": LABELS, "candidates": LABELS})
    with deployed(folder) as service:

        def attack(load: Load) -> None:
            with Crowd(service.api.url, 20) as crowd:
                crowd.send(json_request("/rank", body))
                load.wait_for(done=500)

        return under_attack(service, attack)


def connections_that_drip(folder: Path) -> Tally:
    with deployed(folder) as service:

        def attack(load: Load) -> None:
            with Crowd(service.api.url, 140) as crowd:
                crowd.send(b"POST /rank HTTP/1.1\r\nX-Slow: ")
                while crowd.send(b"a"):
                    load.wait_for(done=10)

        return under_attack(service, attack)


def versions_of_a_label_set(folder: Path) -> Tally:
    with deployed(folder) as service:

        def attack(_: Load) -> None:
            for number in range(50):
                labels = [{"text": f"{number} {label['text']}"} for label in LABELS]
                assert service.api.put("/label-sets/a", {"candidates": labels}).ok
            assert service.api.session.delete(f"{service.api.url}/label-sets/a", timeout=60).ok

        return under_attack(service, attack)


def large_images_in_bulk(folder: Path) -> Tally:
    with deployed(folder) as service:

        def attack(load: Load) -> None:
            for number in range(32):
                image = encoded(Image.new("RGB", (7000, 7000), (number, 0, 0)), "JPEG")
                body = {"queries": [blob(image)], "candidates": LABELS[:1]}
                assert post(service, "/rank?wait=0", body).status_code == 202
            load.wait_for(done=200)

        return under_attack(service, attack)


def webhooks_to_hanging_hosts(folder: Path) -> Tally:
    with (
        deployed(folder, webhook_secret=SECRET, webhook_timeout_s=8) as service,
        hanging_port() as port,
        Receiver().running() as receiver,
    ):

        def attack(load: Load) -> None:
            hosts = (f"http://{many_hosts(number)}:{port}/" for number in range(80))
            for url in (*hosts, receiver.url):
                body = {"queries": LABELS[:1], "candidates": LABELS[:1], "callback_url": url}
                assert post(service, "/rank?wait=0", body).status_code == 202
            receiver.wait_for(1, timeout_s=8)
            load.wait_for(done=200)

        return under_attack(service, attack)
