"""The peers as contenders: how to start them, and whether they are installed."""

import sys
from collections.abc import Callable
from pathlib import Path

from bench.contender import Server
from bench.images import Kind
from bench.processes import ROOT, free_port, start
from bench.wire import INFINITY, Address, embedding, ranking, unique

VENVS = ROOT / ".venv-peers"
"""Made by `make bench-peers`: one virtual environment for each, for they pin other versions."""

SMALLEST_BATCH = 2  # of a framework that is to batch
SERVED_AS = "bench"


class NotInstalled(Exception):
    """The peer is not installed; the message says how to install it."""


StartPeer = Callable[[Path, Kind, Path, int], Server]
"""(checkpoint, images, folder for logs, the bare model's best batch size) → the running peer.

Raises NotInstalled.
"""


def plain(model: Path, kind: Kind, folder: Path, batch: int) -> Server:
    del batch
    address = Address(free_port())
    gunicorn = [sys.executable, "-m", "gunicorn", "--timeout", "0", "--workers", "1"]
    bind = ["--bind", f"{address.host}:{address.port}"]
    app = f"bench.peers.plain:create_app({str(model)!r})"
    process = start("plain", [*gunicorn, *bind, app], folder)
    return Server([process], address, "/health", unique(address, ranking(), kind))


def litserve(model: Path, kind: Kind, folder: Path, batch: int) -> Server:
    python = _installed(VENVS / "litserve" / "bin" / "python")
    address = Address(free_port())
    arguments = ["-m", "bench.peers.litserve_server", model, address.port]
    size = max(SMALLEST_BATCH, batch)
    process = start("litserve", [python, *map(str, arguments), str(size)], folder)
    return Server([process], address, "/health", unique(address, ranking(), kind))


def infinity(model: Path, kind: Kind, folder: Path, batch: int) -> Server:
    command = _installed(VENVS / "infinity" / "bin" / "infinity_emb")
    address = Address(free_port(), INFINITY)
    options = {
        "--model-id": model,
        "--served-model-name": SERVED_AS,
        "--device": "cpu",
        "--engine": "torch",
        "--host": address.host,
        "--port": address.port,
        "--batch-size": max(SMALLEST_BATCH, batch),
    }
    words = [str(word) for option in options.items() for word in option]
    process = start(
        "infinity",
        [command, "v2", *words, "--no-bettertransformer"],
        folder,
        {"HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1"},
    )
    make = unique(address, embedding(SERVED_AS), kind)
    return Server([process], address, "/health", make)


PLAIN = "plain Flask"
PEERS: dict[str, StartPeer] = {PLAIN: plain, "LitServe": litserve, "infinity": infinity}


def _installed(path: Path) -> Path:
    if not path.exists():
        raise NotInstalled("not installed (`make bench-peers` does it)")
    return path
