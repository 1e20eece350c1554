"""Load on a deployment, while it is left alone or something is done to it.

    load.py URL [--during COMMAND ...]

Ends with 0 if every accepted job was done and every synchronous request answered. A 504 accepts a
job, a 503 is a refusal: nothing was promised. Needs the standard library alone, so that any Python
runs it.
"""

import argparse
import base64
import http.client
import json
import random
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SAMPLE = Path(__file__).resolve().parents[2] / "demo" / "pictures" / "t-shirt.png"
LABELS = [{"text": text} for text in ("t-shirt", "jeans", "hat")]
SIDE = 48
JOB_IMAGES = 96  # three parts
JOBS, CLIENTS = 6, 4
TIMEOUT_S = 90
PAUSE_S = 0.1
PAUSE_BETWEEN_JOBS_S = 1.0
AFTERWARDS_S = 2.0


def noise() -> bytes:
    """An image that no cache knows."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    rows = b"".join(b"\0" + random.randbytes(3 * SIDE) for _ in range(SIDE))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b"")
    )


def ranking_of(*images: bytes) -> dict[str, Any]:
    blobs = [{"img_blob": base64.b64encode(image).decode()} for image in images]
    return {"queries": blobs, "candidates": LABELS}


@dataclass
class Load:
    """What was asked of the service at `url`, and what became of it."""

    url: str
    counted: Counter[str] = field(default_factory=Counter)
    accepted: dict[str, int] = field(default_factory=dict)
    """The addresses of accepted jobs, and how many images each has."""
    wrong: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any, str]:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=TIMEOUT_S)
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            location = answer.getheader("Location", "")
            return answer.status, json.loads(answer.read()), location
        finally:
            connection.close()

    def rank(self) -> None:
        """One image, synchronously."""
        self._ask("/rank", 1)

    def submit(self) -> None:
        """Many images, asynchronously."""
        self._ask("/rank?wait=0", JOB_IMAGES)

    def _ask(self, path: str, images: int) -> None:
        body = ranking_of(*(noise() for _ in range(images)))
        status, answer, location = self.call("POST", path, body)
        if status == HTTPStatus.OK:
            self.counted["answered"] += 1
        elif status in (HTTPStatus.ACCEPTED, HTTPStatus.GATEWAY_TIMEOUT) and location:
            self.counted["accepted"] += 1
            self.accepted[location] = images
        elif status == HTTPStatus.SERVICE_UNAVAILABLE:
            self.counted["refused"] += 1
        else:
            self.wrong.append(f"{status} {answer}")

    def collect(self) -> None:
        """Wait for every accepted job."""
        for job, images in self.accepted.items():
            _, found, _ = self.call("GET", f"{job}?wait=60")
            rows = found.get("result", {}).get("probabilities", [])
            if found.get("status") == "done" and len(rows) == images:
                self.counted["done"] += 1
            else:
                self.wrong.append(f"{job} is {found.get('status')}, with {len(rows)} rows")

    def repeat(self, request: Callable[[], None], pause_s: float) -> None:
        while not self.ended.wait(pause_s):
            try:
                request()
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.wrong.append(repr(error))

    def during(self, command: list[str]) -> None:
        """Keep clients busy until the command has ended, and the service is ready again."""
        requests = [(self.rank, PAUSE_S)] * CLIENTS + [(self.submit, PAUSE_BETWEEN_JOBS_S)]
        clients = [threading.Thread(target=self.repeat, args=request) for request in requests]
        for client in clients:
            client.start()
        try:
            self._grow()
            subprocess.run(command, check=True)
            self._grow()
            time.sleep(AFTERWARDS_S)
        finally:
            self.ended.set()
            for client in clients:
                client.join()

    def _grow(self) -> None:
        """Wait until more was answered and more accepted than now."""
        before = self.counted.copy()
        deadline = time.monotonic() + TIMEOUT_S
        while any(self.counted[kind] <= before[kind] for kind in ("answered", "accepted")):
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing new in {TIMEOUT_S} s: {before}")
            time.sleep(PAUSE_S)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--during", nargs=argparse.REMAINDER, default=[], metavar="COMMAND")
    wanted = parser.parse_args()
    load = Load(wanted.url)
    _, answer, _ = load.call("POST", "/rank", ranking_of(SAMPLE.read_bytes()))
    if max(answer["probabilities"][0]) != answer["probabilities"][0][0]:
        load.wrong.append(f"{SAMPLE.name} is taken for something else: {answer}")
    if wanted.during:
        load.during(wanted.during)
    else:
        for _ in range(JOBS):
            load.rank()
            load.submit()
    load.collect()
    print(f"load: {dict(load.counted)}", *load.wrong[:20], sep="\n  ")
    return 1 if load.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
