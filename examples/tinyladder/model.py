"""A small decoder-only transformer, in two families, and its exact cost.

``alpha``: RMS norm and squared ReLU. ``beta``: layer norm and GELU. Both are pre-norm, with rotary
positions, without biases, with separate input and output embeddings.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FAMILIES = ("alpha", "beta")
HEADS = 2


@dataclass(frozen=True)
class Architecture:
    """Shape of a model: ``layers`` blocks of ``width``, each with two attention heads."""

    layers: int
    width: int
    vocabulary: int
    context: int
    family: str = "alpha"

    def __post_init__(self) -> None:
        """Check what would otherwise fail deep inside PyTorch."""
        if self.family not in FAMILIES:
            raise ValueError(f"family is {self.family!r}; it must be one of {', '.join(FAMILIES)}")
        if self.width % (2 * HEADS):
            raise ValueError(f"width is {self.width}; it must be a multiple of {2 * HEADS}")

    @property
    def head_dim(self) -> int:
        """Width of an attention head."""
        return self.width // HEADS

    @property
    def flops_per_token(self) -> int:
        """FLOP a training token: every matrix product, forward (1x) and backward (2x).

        A product with an ``m x n`` matrix is ``2 m n`` FLOP. A token attends to itself and to all
        before it, ``(context + 1) / 2`` positions on average. Norms, softmax, positions and
        embedding look-ups are not counted.
        """
        block = 2 * 12 * self.width**2
        attention = 2 * self.width * (self.context + 1)
        unembedding = 2 * self.width * self.vocabulary
        return 3 * (self.layers * (block + attention) + unembedding)


class Linear(nn.Linear):
    """A matrix kept in float32 and multiplied in the precision of its input."""

    def forward(self, x: Tensor) -> Tensor:
        """``(..., in)`` to ``(..., out)``."""
        return F.linear(x, self.weight.to(x.dtype))


class Norm(nn.Module):
    """RMS norm, or layer norm for the family that has it; computed in float32."""

    def __init__(self, shape: Architecture) -> None:
        super().__init__()
        self.centred = shape.family == "beta"
        self.weight = nn.Parameter(torch.ones(shape.width))

    def forward(self, x: Tensor) -> Tensor:
        """``(..., width)`` to the same."""
        wide = x.float()
        if self.centred:
            wide = wide - wide.mean(-1, keepdim=True)
        scale = torch.rsqrt(wide.square().mean(-1, keepdim=True) + 1e-6)
        return (wide * scale * self.weight).to(x.dtype)


class Block(nn.Module):
    """Attention, then a two-layer network of four times the width, each on a residual path."""

    def __init__(self, shape: Architecture) -> None:
        super().__init__()
        self.shape, width = shape, shape.width
        self.activate = _square_relu if shape.family == "alpha" else _gelu
        self.norm_attention, self.norm_mlp = Norm(shape), Norm(shape)
        self.qkv = Linear(width, 3 * width, bias=False)
        self.out = Linear(width, width, bias=False)
        self.up = Linear(width, 4 * width, bias=False)
        self.down = Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor, future: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        """``(batch, time, width)`` to the same; ``future`` marks what a position may not see."""
        x = x + self._attend(self.norm_attention(x), future, rotation)
        return x + self.down(self.activate(self.up(self.norm_mlp(x))))

    def _attend(self, x: Tensor, future: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        # Plain products: on a CPU the fused attention's backward pass was most of a step for
        # heads this narrow.
        batch, time, width = x.shape
        split = self.qkv(x).view(batch, time, 3, HEADS, self.shape.head_dim)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)
        query, key = _rotate(query, *rotation), _rotate(key, *rotation)
        affinity = (query * self.shape.head_dim**-0.5) @ key.transpose(-1, -2)
        weight = affinity.float().masked_fill(future, float("-inf")).softmax(-1)
        mixed = weight.to(x.dtype) @ value
        return self.out(mixed.transpose(1, 2).reshape(batch, time, width))


class Transformer(nn.Module):
    """Next-token logits of a sequence of token numbers."""

    def __init__(self, shape: Architecture) -> None:
        super().__init__()
        self.shape = shape
        self.embed = nn.Embedding(shape.vocabulary, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = Norm(shape)
        self.unembed = Linear(shape.width, shape.vocabulary, bias=False)
        future = torch.ones(shape.context, shape.context, dtype=torch.bool).triu(1)
        self.register_buffer("future", future, persistent=False)
        cosine, sine = _rotary(shape.context, shape.head_dim)
        self.register_buffer("cosine", cosine, persistent=False)
        self.register_buffer("sine", sine, persistent=False)
        self._initialise()

    def forward(self, tokens: Tensor, precision: torch.dtype = torch.float32) -> Tensor:
        """``(batch, time)`` token numbers to ``(batch, time, vocabulary)`` float32 logits.

        Activations have the given precision; weights stay in float32.
        """
        time = tokens.shape[1]
        x, future = self.embed(tokens).to(precision), self.future[:time, :time]
        rotation = (self.cosine[:time].to(precision), self.sine[:time].to(precision))
        for block in self.blocks:
            x = block(x, future, rotation)
        return self.unembed(self.norm(x)).float()

    def count_parameters(self) -> int:
        """All weights, embeddings included."""
        return sum(weight.numel() for weight in self.parameters())

    def _initialise(self) -> None:
        for name, weight in self.named_parameters():
            if name.startswith("embed"):
                nn.init.normal_(weight, std=0.5)
            elif name.endswith(("out.weight", "down.weight")):
                nn.init.normal_(weight, std=(2 * self.shape.layers * weight.shape[1]) ** -0.5)
            elif weight.ndim == 2:
                nn.init.normal_(weight, std=weight.shape[1] ** -0.5)
        nn.init.zeros_(self.unembed.weight)


def _square_relu(x: Tensor) -> Tensor:
    return F.relu(x).square()


def _gelu(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")


def _rotary(context: int, head_dim: int) -> tuple[Tensor, Tensor]:
    frequencies = 1000.0 ** -(torch.arange(0, head_dim, 2) / head_dim)
    angles = torch.outer(torch.arange(context).float(), frequencies)
    return angles.cos(), angles.sin()


def _rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cosine - second * sine, first * sine + second * cosine), dim=-1)
