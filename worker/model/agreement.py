"""How far a faster way to run a model may be from the model itself."""

import torch

TOLERANCE = {torch.float32: 1e-4, torch.float16: 2e-2, torch.bfloat16: 1e-1}
"""Of `relative_error`, by the precision of the model: in many layers, sums are rounded in another
order."""


def relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The norm of the difference, in norms of what is expected; it may be NaN."""
    return float((found - expected).norm() / expected.norm())
