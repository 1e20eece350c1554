"""From embeddings to similarities and probabilities."""

import numpy as np
import numpy.typing as npt

from common.protocol import ModelInfo, Vectors

Matrix = npt.NDArray[np.float32]
Units = npt.NDArray[np.float64]


def cosine_similarities(queries: Units, candidates: Units) -> Matrix:
    """The cosine similarities q̂·ĉᵀ with q̂ = q/‖q‖₂ and ĉ = c/‖c‖₂ (Radford et al. 2021, figure 3).

    Takes what `normalised` gives, of shape (Q, dimension) and (C, dimension); gives (Q, C). One
    side is normalised once and used often.
    """
    cosines: Matrix = (queries @ candidates.T).astype(np.float32)
    return cosines


def probabilities(cosines: Matrix, model: ModelInfo) -> Matrix:
    """softmax(scale · cos) over the candidates; sigmoid(scale · cos + bias) for sigmoid models.

    The softmax is that of CLIP (Radford et al. 2021), the sigmoid that of SigLIP (Zhai et al.
    2023). Shape (Q, C) in and out.
    """
    logits = cosines.astype(np.float64) * model.logit_scale + model.logit_bias
    if model.activation == "sigmoid":
        # The same as 1 / (1 + exp(-logits)), which would overflow.
        exact = 0.5 * (1 + np.tanh(logits / 2))
    else:
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        exact = powers / powers.sum(axis=1, keepdims=True)
    rounded: Matrix = exact.astype(np.float32)
    return rounded


def normalised(vectors: Vectors) -> Units:
    """Rows of length 1, of the same shape; a zero row stays zero."""
    exact = vectors.astype(np.float64)
    norms = np.linalg.norm(exact, axis=1, keepdims=True)
    unit: Units = np.divide(exact, norms, out=np.zeros_like(exact), where=norms > 0)
    return unit
