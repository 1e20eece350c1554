"""The bare model: the same weights in one process, in a loop.

`python -m bench.bare FOLDER DTYPE WIDTH HEIGHT GRAIN` reads orders from standard input, one JSON
object per line, and answers each with one line. It is optimised by hand: the preprocessing takes a
third of the reference's time. It shares no code with the worker.
"""

import io
import json
import sys
import time
import warnings
from dataclasses import asdict

import numpy as np
import torch
from PIL import Image
from torch.ao.quantization import per_channel_dynamic_qconfig, quantize_dynamic
from transformers import CLIPModel
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from bench.images import Kind, pool
from bench.orders import Order, Report


class BareModel:
    """Decode, resize, normalise, encode."""

    def __init__(self, folder: str, dtype: str) -> None:
        model = CLIPModel.from_pretrained(folder, dtype=torch.float32).eval()
        self._model = converted(model, dtype)
        processor = CLIPImageProcessorPil.from_pretrained(folder)
        self._edge = int(processor.size["shortest_edge"])
        self._crop = int(processor.crop_size["height"])
        mean, deviation = torch.tensor(processor.image_mean), torch.tensor(processor.image_std)
        self._scale = (1 / (255 * deviation)).view(3, 1, 1)
        self._shift = (mean / deviation).view(3, 1, 1)

    @torch.inference_mode()
    def encode(self, images: list[bytes]) -> torch.Tensor:
        """Embeddings of shape (images, dimension), not normalised."""
        pixels = torch.from_numpy(np.stack([self._prepare(image) for image in images]))
        batch = pixels.permute(0, 3, 1, 2).float().mul_(self._scale).sub_(self._shift)
        inputs = batch.to(self._model.dtype)
        features: torch.Tensor = self._model.get_image_features(pixel_values=inputs).pooler_output
        return features.float()

    def _prepare(self, content: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        image = Image.open(io.BytesIO(content)).convert("RGB")
        scale = self._edge / min(image.size)
        wide, tall = int(image.width * scale), int(image.height * scale)
        resized = image.resize((wide, tall), Image.Resampling.BICUBIC)
        left, top = (wide - self._crop) // 2, (tall - self._crop) // 2
        return np.asarray(resized.crop((left, top, left + self._crop, top + self._crop)))


def converted(model: CLIPModel, dtype: str) -> CLIPModel:
    """The same model in float32 or bfloat16, or with its linear layers in int8."""
    if dtype != "int8":
        return model.to(getattr(torch, dtype))
    layers = {torch.nn.Linear: per_channel_dynamic_qconfig}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch deprecates it, and has nothing else built in
        quantize_dynamic(model, layers, inplace=True)  # type: ignore[no-untyped-call]
    return model


def carry_out(order: Order, model: BareModel, images: list[bytes]) -> Report:
    """Encode batch after batch until the time is up."""
    batches_s: list[float] = []
    began = time.perf_counter()
    now = began
    while now - began < order.seconds or not batches_s:
        first = len(batches_s) * order.batch
        model.encode([images[(first + i) % len(images)] for i in range(order.batch)])
        ended = time.perf_counter()
        batches_s.append(ended - now)
        now = ended
    return Report(len(batches_s) * order.batch, now - began, batches_s)


def main() -> None:
    folder, dtype, *kind = sys.argv[1:]
    model, images = BareModel(folder, dtype), pool(Kind(*map(int, kind)))
    model.encode(images[:1])
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(asdict(carry_out(Order(**json.loads(line)), model, images))), flush=True)


if __name__ == "__main__":
    main()
