"""The same with LitServe, batching: `python -m bench.peers.litserve_server FOLDER PORT BATCH`."""

import sys
from typing import Any

import litserve
import torch

from bench.peers.reference import Reference

BATCH_TIMEOUT_S = 0.01
Prepared = tuple[torch.Tensor, tuple[str, ...]]


class Clip(litserve.LitAPI):  # type: ignore[misc]
    """Written as LitServe's documentation shows it."""

    def __init__(self, folder: str, batch: int) -> None:
        super().__init__(max_batch_size=batch, batch_timeout=BATCH_TIMEOUT_S, api_path="/rank")
        self._folder = folder

    def setup(self, device: str) -> None:
        del device
        self._reference = Reference(self._folder)

    def decode_request(self, request: dict[str, Any]) -> Prepared:
        return self._reference.read(request)

    def batch(self, inputs: list[Prepared]) -> list[Prepared]:
        return inputs

    def predict(self, x: list[Prepared]) -> list[Prepared]:
        embeddings = self._reference.embed_images(torch.stack([pixels for pixels, _ in x]))
        return [(embedding, labels) for embedding, (_, labels) in zip(embeddings, x, strict=True)]

    def unbatch(self, output: list[Prepared]) -> list[Prepared]:
        return output

    def encode_response(self, output: Prepared) -> dict[str, Any]:
        return self._reference.answer(*output)


if __name__ == "__main__":
    folder, port, batch = sys.argv[1:]
    server = litserve.LitServer(Clip(folder, int(batch)), accelerator="cpu", timeout=False)
    server.run(host="127.0.0.1", port=int(port), generate_client_file=False, log_level="warning")
