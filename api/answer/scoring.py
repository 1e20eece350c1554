"""From embeddings to similarities, probabilities and rankings."""

import numpy as np
import numpy.typing as npt

from common.ledger.records import PLAIN, Scoring
from common.protocol.messages import ModelInfo, Vectors

Matrix = npt.NDArray[np.float32]
Units = npt.NDArray[np.float64]

LARGEST = float(np.finfo(np.float32).max)


def cosine_similarities(queries: Units, candidates: Units) -> Matrix:
    """The cosine similarities q̂·ĉᵀ with q̂ = q/‖q‖₂ and ĉ = c/‖c‖₂ (Radford et al. 2021, figure 3).

    Takes normalised rows of shape (Q, dimension) and (C, dimension), and returns (Q, C). So one
    side can be normalised once and used often.
    """
    cosines: Matrix = (queries @ candidates.T).astype(np.float32)
    return cosines


def probabilities(cosines: Matrix, model: ModelInfo, scoring: Scoring = PLAIN) -> Matrix:
    """softmax(logits / temperature) over the candidates, where logits = scale · cos + bias.

    The softmax is that of CLIP (Radford et al. 2021), the sigmoid that of SigLIP (Zhai et al.
    2023), and the temperature that of Hinton et al. 2015. The activation `none` returns the logits
    over the temperature, clipped to float32. Shape (Q, C) in and out.
    """
    logits = cosines.astype(np.float64) * model.logit_scale + model.logit_bias
    with np.errstate(over="ignore"):  # a tiny temperature gives infinite logits, handled below
        match scoring.activation or model.activation:
            case "softmax":
                # Subtract the maximum before dividing, so that the largest is 0, not infinite.
                shifted = logits - logits.max(axis=1, keepdims=True)
                powers = np.exp(shifted / scoring.temperature)
                exact = powers / powers.sum(axis=1, keepdims=True)
            case "sigmoid":
                # The same as 1 / (1 + exp(-logits)), which would overflow.
                exact = 0.5 * (1 + np.tanh(logits / scoring.temperature / 2))
            case "none":
                exact = np.clip(logits / scoring.temperature, -LARGEST, LARGEST)
    rounded: Matrix = exact.astype(np.float32)
    return rounded


def ranking(cosines: Matrix, top_k: int) -> npt.NDArray[np.intp]:
    """The candidates' indices, most similar first, ties in order: (Q, min(top_k, C)).

    Every activation is monotonic, so this is the order of the probabilities too.
    """
    order: npt.NDArray[np.intp] = np.argsort(-cosines, axis=1, kind="stable")
    return order[:, : min(top_k, cosines.shape[1])]


def normalised(vectors: Vectors | Units) -> Units:
    """The rows scaled to length 1; a zero row stays zero."""
    exact = vectors.astype(np.float64)
    norms = np.linalg.norm(exact, axis=1, keepdims=True)
    unit: Units = np.divide(exact, norms, out=np.zeros_like(exact), where=norms > 0)
    return unit
