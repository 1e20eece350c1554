"""Second step: the model alone. Stock transformers, the worker's encoder, and how they agree."""

import sys
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from transformers import CLIPModel

from bench.gpu.figure import attempt, report
from bench.gpu.options import Options, folder_of, parse
from bench.gpu.timing import median_seconds, seconds_of
from bench.images import draw
from bench.wire import LABELS
from worker.images.decode import EncodedImage
from worker.images.limits import Limits
from worker.model.checkpoint import open_checkpoint
from worker.model.clip_encoder import ClipEncoder
from worker.model.cpu.vision_tower import VisionTower
from worker.model.encoder import PreparedImage
from worker.model.source import Source

COMPARED = 32
GRAPHED = (1, 8, 32, 64)
PARTED = (1, 64, 256)
NO_LIMITS = Limits(10**9, 1000)


class Measurement:
    """One model, stock and as the worker has it."""

    def __init__(self, options: Options) -> None:
        [self._model] = options.models
        self._options = options
        self._device = options.device
        self._dtype = getattr(torch, options.dtype)
        self._checkpoint = open_checkpoint(Source(str(folder_of(self._model))))
        self._stock = CLIPModel.from_pretrained(folder_of(self._model), dtype=self._dtype)
        self._stock = self._stock.to(self._device).eval()
        self._side = int(self._stock.config.vision_config.image_size)

    def run(self) -> None:
        for what, measure in {
            "stock forward": self._measure_stock,
            "worker's forward": self._measure_tower,
            "CUDA graphs": self._measure_graphs,
            "worker's encoder": self._measure_encoder,
            "cosines": self._compare,
        }.items():
            with torch.inference_mode():
                attempt(what, measure, self._model)

    def _measure_stock(self) -> None:
        stock = self._stock
        self._sweep("stock forward", lambda pixels: stock.get_image_features(pixel_values=pixels))

    def _measure_tower(self) -> None:
        self._sweep("worker's forward", VisionTower(self._stock))

    def _sweep(self, what: str, see: Callable[[torch.Tensor], object]) -> None:
        """Pixels on the device in the model's precision → features: nothing else is in it."""
        rates = {}
        for batch in self._options.batches:
            pixels = self._pixels(batch)
            rates[batch] = batch / seconds_of(lambda pixels=pixels: see(pixels), self._device)  # type: ignore[misc]
            if batch == 1:
                seconds = median_seconds(lambda pixels=pixels: see(pixels), self._device)  # type: ignore[misc]
                self._tell(f"{what}, one image", 1000 * seconds, "ms")
        self._tell_rates(what, rates)

    def _measure_graphs(self) -> None:
        """What is left of a small batch once nothing is launched from Python."""
        if self._device == "cpu":
            return
        see = VisionTower(self._stock)
        for batch in GRAPHED:
            graph = torch.cuda.CUDAGraph()
            pixels = self._pixels(batch)
            seconds_of(lambda pixels=pixels: see(pixels), self._device, 0.01)  # type: ignore[misc]
            with torch.cuda.graph(graph):
                see(pixels)
            eager_s = median_seconds(lambda pixels=pixels: see(pixels), self._device)  # type: ignore[misc]
            graph_s = median_seconds(graph.replay, self._device)
            shown = f"{1000 * eager_s:.2f} → {1000 * graph_s:.2f} ms"
            self._tell(f"batch of {batch}, eager → CUDA graph", shown)

    def _measure_encoder(self) -> None:
        """Bytes of prepared images on the host → embeddings on the host."""
        encoder = self._encoder(self._device, self._options.dtype)
        image = self._prepared(encoder, range(COMPARED))
        if self._device != "cpu":
            torch.cuda.reset_peak_memory_stats()
        rates = {}
        for batch in self._options.batches:
            images = [image[number % COMPARED] for number in range(batch)]
            seconds = seconds_of(lambda images=images: encoder.encode_images(images), self._device)  # type: ignore[misc]
            rates[batch] = batch / seconds
            if batch in PARTED:
                self._tell(f"worker's encoder, batch of {batch}", 1000 * seconds, "ms")
        self._tell_rates("worker's encoder", rates)
        self._measure_overlap(encoder, image)
        if self._device != "cpu":
            peak = torch.cuda.max_memory_allocated() / 1e6
            self._tell(f"memory at its peak, batch of {batch}, both models", peak, "MB")

    def _measure_overlap(self, encoder: ClipEncoder, image: Sequence[PreparedImage]) -> None:
        """The same, with one batch started while another runs, as in a busy worker."""
        if self._device == "cpu":
            encoder.use_pipeline()  # to test the harness
        start = encoder.start["image"]
        rates = {}
        for batch in self._options.batches:
            images = [image[number % COMPARED] for number in range(batch)]
            running = deque([start(images)])

            def run(images: Sequence[PreparedImage] = images, running: Any = running) -> None:  # noqa: ANN401
                running.append(start(images))
                running.popleft()()

            rates[batch] = batch / seconds_of(run, self._device)
            running.pop()()
        self._tell_rates("worker's encoder, two batches in flight", rates)

    def _compare(self) -> None:
        """Against transformers as it comes, in float32 on the processor."""
        reference = CLIPModel.from_pretrained(folder_of(self._model), dtype=torch.float32).eval()
        encoder = self._encoder(self._device, self._options.dtype)
        count = 4 if self._options.quick else COMPARED
        images = self._prepared(encoder, range(count))
        texts = encoder.prepare_texts(LABELS)
        pixels = self._checkpoint.image_processor(
            images=[_image(seed).decode().image for seed in range(count)], return_tensors="pt"
        )["pixel_values"]
        ids = self._checkpoint.tokenizer(list(LABELS), padding=True, return_tensors="pt")
        of_images = reference.get_image_features(pixel_values=pixels).pooler_output.numpy()
        of_texts = reference.get_text_features(**ids).pooler_output.numpy()
        for dtype in (self._options.dtype, "bfloat16"):
            if dtype != encoder.dtype:
                encoder = self._encoder(self._device, dtype)
            for kind, found, expected in (
                ("pictures", encoder.encode_images(images), of_images),
                ("texts", encoder.encode_texts(texts), of_texts),
            ):
                least = float(cosines(found, expected).min())
                self._tell(f"least cosine to float32 on the processor, {dtype}, {kind}", least)

    def _encoder(self, device: str, dtype: str) -> ClipEncoder:
        return ClipEncoder(open_checkpoint(Source(str(folder_of(self._model)))), device, dtype)

    def _prepared(self, encoder: ClipEncoder, seeds: Sequence[int]) -> list[PreparedImage]:
        return [encoder.prepare_image(_image(seed).decode()) for seed in seeds]

    def _pixels(self, batch: int) -> torch.Tensor:
        shape = (batch, 3, self._side, self._side)
        return torch.randn(shape, device=self._device).to(self._dtype)

    def _tell(self, what: str, value: float | str, unit: str = "") -> None:
        report(what, value, unit, self._model)

    def _tell_rates(self, what: str, rates: dict[int, float]) -> None:
        best = max(rates, key=lambda batch: rates[batch])
        listed = ", ".join(f"{batch}: {rate:,.0f}" for batch, rate in rates.items())
        self._tell(f"{what}, images/s by batch", listed)
        self._tell(f"{what}, best, batch of {best}", rates[best], "/s")


def cosines(found: Any, expected: Any) -> Any:  # noqa: ANN401
    """Row by row."""
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    return (found * expected).sum(axis=1) / lengths


def _image(seed: int) -> EncodedImage:
    from bench.images import PHOTO  # noqa: PLC0415

    return EncodedImage.open(draw(PHOTO, seed), NO_LIMITS)


if __name__ == "__main__":
    Measurement(parse(sys.argv[1:])).run()
