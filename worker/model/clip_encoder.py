"""The encoder of Hugging Face models."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from common.protocol.messages import ModelInfo, ModelTraits, Vectors
from worker.images.decode import DecodedImage, Size
from worker.images.preprocess import Preprocessor, Whole, preprocessor, resolution
from worker.model.cpu.accelerate import accelerate
from worker.model.encoder import Prepare, PreparedImage, PreparedText, StartBatch
from worker.model.families import FAMILIES, context_length
from worker.model.gpu.graphs import GraphedForward
from worker.model.gpu.pipeline import GpuPipeline
from worker.model.load_errors import ModelLoadError
from worker.model.loaded_checkpoint import Checkpoint
from worker.model.placement import choose_placement
from worker.model.running import Arrays, Forward, InlineRunner, Runner, Tensors
from worker.model.tokenizing import Tokenizing
from worker.model.warmup import images_at_once


class ClipEncoder:
    """A model of any family that ranks texts against images, as an Encoder."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        device: str,
        dtype: str,
        threads: int = 0,
        *,
        accelerated: bool = True,
    ) -> None:
        """Move the model to its device. On a CPU it runs on so many `threads`; 0: by rule.

        Raises:
            ModelLoadError: the device does not take it.
            FloatingPointError: its embeddings are not finite.
        """
        if threads:
            torch.set_num_threads(threads)
        family = FAMILIES[checkpoint.config.model_type]
        # Before it is rounded to the precision of the rest.
        scale, bias = _scale_and_bias(checkpoint.model)
        if not math.isfinite(scale) or not math.isfinite(bias):
            raise ModelLoadError(f"its logits are not finite: scale {scale}, bias {bias}")
        self._context = context_length(
            checkpoint.tokenizer,
            checkpoint.config.text_config,
            _reserved(checkpoint.model),
            checkpoint.context,
        )
        placement = choose_placement(device, dtype)
        parameters = checkpoint.model.vision_model.num_parameters()  # layers in int8 have none
        model = placement.place(checkpoint.model)
        self._device, self._dtype, self.dtype = model.device, placement.dtype, placement.precision
        self.batch_size = images_at_once(self.device, parameters)
        self._model = accelerate(model, parameters, threads) if accelerated else model
        self._tokenizing = Tokenizing(
            checkpoint.tokenizer, self._context, checkpoint.padding, checkpoint.clean
        )
        self._preprocess = preprocessor(checkpoint.image_processor)
        self._normalise = _normaliser(self._preprocess, self._device, self._dtype)
        self._see: Forward = self._image_features
        self._runner: Runner = InlineRunner(self._device)
        self.start: Mapping[str, StartBatch] = {}
        if accelerated and self._device.type == "cuda":
            model.vision_model.to(memory_format=torch.channels_last)  # as normalised images are
            self.use_pipeline()
            self._capture_graphs()
        self.info = ModelInfo(
            name=checkpoint.name,
            revision=checkpoint.revision,
            dimension=self.encode_texts(self.prepare_texts(["a"])).shape[1],
            logit_scale=scale,
            logit_bias=bias,
            activation=checkpoint.activation,
            set_context=checkpoint.context,
        )
        self.traits = ModelTraits(
            family.title, self._context, resolution(self._preprocess), checkpoint.format
        )

    def use_pipeline(self) -> None:
        """From now on start batches without waiting for them."""
        self._runner = GpuPipeline(self._device)
        self.start = {"image": self._start_images, "text": self._start_texts}

    def _capture_graphs(self) -> None:
        """From now on run small batches of images as CUDA graphs."""
        if size := resolution(self._preprocess):
            random = torch.Generator().manual_seed(1)
            image = torch.randint(256, (1, *size, 3), dtype=torch.uint8, generator=random)
            see = GraphedForward(self._image_features)
            see.capture({"pixel_values": image.to(self._device)}, self._dtype)
            self._see = see

    @property
    def device(self) -> str:
        return str(self._device)

    @property
    def resizes_first(self) -> bool:
        return self._preprocess.keeps_mode

    def smallest_useful(self, width: int, height: int) -> Size | None:
        return self._preprocess.smallest_useful(width, height)

    def prepare_image(self, image: DecodedImage) -> PreparedImage:
        return self._preprocess(image)

    @property
    def portable_prepare(self) -> Prepare | None:
        # What is left to the checkpoint's preprocessor would load transformers there.
        return None if isinstance(self._preprocess, Whole) else self._preprocess

    def prepare_texts(self, texts: Sequence[str]) -> list[PreparedText]:
        return self._tokenizing.prepare(texts)

    def encode_images(self, images: Sequence[PreparedImage]) -> Vectors:
        return self._start_images(images)()

    def encode_texts(self, texts: Sequence[PreparedText]) -> Vectors:
        return self._start_texts(texts)()

    def _start_images(self, images: Sequence[PreparedImage]) -> Callable[[], Vectors]:
        def collect() -> Arrays:
            return {name: [image[name] for image in images] for name in images[0]}

        return self._runner.start(collect, self._see)

    def _start_texts(self, texts: Sequence[PreparedText]) -> Callable[[], Vectors]:
        def collect() -> Arrays:
            return dict(self._tokenizing.pad(texts, "np"))

        return self._runner.start(collect, self._text_features)

    def _image_features(self, batch: Tensors) -> torch.Tensor:
        inputs = {name: self._cast(tensor) for name, tensor in batch.items()}
        if self._normalise:
            inputs["pixel_values"] = self._normalise(batch["pixel_values"])
        features: torch.Tensor = self._model.get_image_features(**inputs).pooler_output
        return features

    def _text_features(self, batch: Tensors) -> torch.Tensor:
        features: torch.Tensor = self._model.get_text_features(**batch).pooler_output
        return features

    def _cast(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(self._dtype) if tensor.is_floating_point() else tensor


def _normaliser(
    preprocess: Preprocessor, device: torch.device, dtype: torch.dtype
) -> Callable[[torch.Tensor], torch.Tensor] | None:
    """Bytes of shape (n, height, width, 3) → what the model takes, of shape (n, 3, height, width).

    None where the preprocessor does all of it. Rows are multiplied as they lie in memory, with a
    factor for each byte: on a CPU that takes a sixth of the time.
    """
    if preprocess.normalise is None:
        return None
    scale, shift = (
        torch.from_numpy(np.tile(of_channels, preprocess.width)).to(device)
        for of_channels in (preprocess.normalise.scale, preprocess.normalise.shift)
    )

    def normalise(pixels: torch.Tensor) -> torch.Tensor:
        rows = pixels.flatten(2).float().mul_(scale).add_(shift)
        return rows.view(pixels.shape).permute(0, 3, 1, 2).to(dtype)

    return normalise


def _scale_and_bias(model: Any) -> tuple[float, float]:  # noqa: ANN401
    """What cosines are multiplied by, and what is added, before softmax or sigmoid."""
    if hasattr(model, "temperature"):
        return 1 / model.temperature.item(), 0.0
    bias = model.logit_bias.item() if hasattr(model, "logit_bias") else 0.0
    return math.exp(model.logit_scale.item()), bias


def _reserved(model: Any) -> int:  # noqa: ANN401
    """The positions that a text model of RoBERTa's kin counts before that of the first token."""
    for module in model.text_model.modules():
        if hasattr(module, "position_embeddings") and hasattr(module, "padding_idx"):
            return int(module.padding_idx) + 1
    return 0
