"""The contrastive loss over images of different concepts and captions of more concepts."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional


def also_true(
    captions: Sequence[str], true_of: Mapping[str, set[int]], imaged: Sequence[int]
) -> Tensor:
    """Return (images, captions) booleans: whether a caption drawn for another fits this one.

    Caption n was drawn for image n, further captions for no image. A caption that is also
    true of a second image's concept must not count as wrong for that image.
    """
    row_of = {concept: row for row, concept in enumerate(imaged)}
    fits = torch.zeros(len(imaged), len(captions), dtype=torch.bool)
    for column, caption in enumerate(captions):
        for concept in true_of.get(caption, ()):
            row = row_of.get(concept, column)
            if row != column:
                fits[row, column] = True
    return fits


def contrastive_loss(images: Tensor, texts: Tensor, scale: Tensor, fits: Tensor) -> Tensor:
    """Return the mean of image-to-text and text-to-image cross-entropy (Radford et al. 2021).

    Shapes: `images` (N, D) and `texts` (T, D) with T >= N, both of any length (they are
    normalised here), text n being image n's; `fits` (N, T), see `also_true`.
    """
    logits = scale * functional.normalize(images, dim=-1) @ functional.normalize(texts, dim=-1).T
    logits = logits.masked_fill(fits, -1e4)
    own = torch.arange(len(images))
    to_text = functional.cross_entropy(logits, own)
    to_image = functional.cross_entropy(logits[:, : len(images)].T, own)
    return (to_text + to_image) / 2
