"""A model with linear layers that can be replaced, and one that cannot."""

import torch
from torch import nn


class Model(nn.Module):
    """(n, tokens, 96) → (n, tokens, 32); the attention uses the weight of its layer itself."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(96, 384), nn.GELU(), nn.Linear(384, 32, bias=False))
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        hidden = self.layers(inputs)
        attended: torch.Tensor = self.attention(hidden, hidden, hidden)[0]
        return attended
