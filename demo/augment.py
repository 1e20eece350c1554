"""Turns RGBA sprites into varied training images, a whole batch at a time.

Shapes: N sprites of S by S pixels in, N images of P by P pixels out; colours are in [0, 1].
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


def _uniform(count: int, low: float, high: float, *shape: int) -> Tensor:
    return torch.rand(count, *(shape or (1, 1, 1))) * (high - low) + low


def _chosen(count: int, probability: float) -> Tensor:
    return (torch.rand(count, 1, 1, 1) < probability).float()


def move(sprites: Tensor, pixels: int) -> Tensor:
    """Rotate, scale, stretch, shear, shift and mirror: (N, 4, S, S) to (N, 4, P, P)."""
    count = len(sprites)
    angle = torch.randn(count) * math.radians(9)
    # Above 1 the image looks at more than the sprite, so the thing gets smaller.
    zoom = torch.exp(torch.empty(count).uniform_(math.log(0.88), math.log(1.55)))
    stretch = torch.exp(torch.randn(count) * 0.08)
    mirror = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    shear = torch.randn(count) * 0.05
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    room = 0.06 + (zoom - 1).clamp(min=0) * 0.5
    shift = (torch.rand(count, 2) * 2 - 1) * room[:, None]
    rows = [
        torch.stack([cos * stretch * mirror, -sin + shear, shift[:, 0]], 1),
        torch.stack([sin * mirror, cos / stretch, shift[:, 1]], 1),
    ]
    grid = functional.affine_grid(
        torch.stack(rows, 1), [count, 4, pixels, pixels], align_corners=False
    )
    return functional.grid_sample(sprites, grid, mode="bilinear", align_corners=False)


def backgrounds(count: int, pixels: int) -> Tensor:
    """Return backgrounds (N, 3, P, P): white, plain, gradients and coarse noise, mostly light."""
    # Most backgrounds are light, because many of the styles draw with black lines.
    dark = _chosen(count, 0.2)
    corner = torch.rand(count, 3, 2, 2) * (1 - 0.55 * (1 - dark)) + 0.55 * (1 - dark)
    plain = corner[:, :, :1, :1].expand(-1, -1, pixels, pixels)
    gradient = functional.interpolate(
        corner, size=(pixels, pixels), mode="bilinear", align_corners=True
    )
    noise = functional.interpolate(
        torch.randn(count, 3, 8, 8), size=(pixels, pixels), mode="bilinear"
    )
    mixed = torch.lerp(plain, gradient, _chosen(count, 0.4)) + 0.12 * noise * _chosen(count, 0.25)
    return torch.lerp(mixed, torch.ones_like(mixed), _chosen(count, 0.65)).clamp(0, 1)


def recolour(images: Tensor) -> Tensor:
    """Change hue, saturation, contrast and brightness of (N, 3, P, P), each image its own way."""
    count = len(images)
    turn = torch.randn(count) * math.radians(20)
    turn = torch.where(torch.rand(count) < 0.15, torch.rand(count) * 2 * math.pi, turn)
    cos, sin = torch.cos(turn)[:, None, None], torch.sin(turn)[:, None, None]
    # Rodrigues' rotation about the grey axis (1, 1, 1) / sqrt(3).
    third = torch.full((3, 3), 1 / 3)
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    matrix = cos * torch.eye(3) + sin * cross + (1 - cos) * third
    saturation = torch.empty(count, 1, 1).uniform_(0.5, 1.4)
    saturation = torch.where(torch.rand(count, 1, 1) < 0.12, 0.0, saturation)
    matrix = saturation * matrix + (1 - saturation) * third
    turned = torch.einsum("nij,njhw->nihw", matrix, images)
    contrast, light = _uniform(count, 0.7, 1.2), _uniform(count, -0.1, 0.1)
    return ((turned - 0.5) * contrast + 0.5 + light).clamp(0, 1)


def _some(images: Tensor, probability: float, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the images, some of them changed."""
    picked = torch.nonzero(torch.rand(len(images)) < probability).flatten()
    if len(picked) == 0:
        return images
    return images.index_copy(0, picked, change(images[picked]))


def _lightness(images: Tensor) -> Tensor:
    return (images * torch.tensor([0.3, 0.59, 0.11])[:, None, None]).sum(1, keepdim=True)


def two_colours(images: Tensor) -> Tensor:
    """Return the images between two colours of their own: tinted, or light on dark."""
    one, other = torch.rand(2, len(images), 3, 1, 1)
    dark, light = one * 0.4, other * 0.4 + 0.6
    swapped = _chosen(len(images), 0.35)
    low, high = torch.lerp(dark, light, swapped), torch.lerp(light, dark, swapped)
    return low + (high - low) * _lightness(images)


def line_art(images: Tensor) -> Tensor:
    """Return the images' edges as dark lines on white, or the reverse."""
    grey = functional.pad(_lightness(images), (1, 1, 1, 1), mode="replicate")
    across = grey[:, :, 1:-1, 2:] - grey[:, :, 1:-1, :-2]
    down = grey[:, :, 2:, 1:-1] - grey[:, :, :-2, 1:-1]
    lines = (across.square() + down.square()).sqrt().mul(_uniform(len(images), 2, 5)).clamp(0, 1)
    reverse = _chosen(len(images), 0.3)
    return (lines * reverse + (1 - lines) * (1 - reverse)).expand_as(images)


def posterise(images: Tensor) -> Tensor:
    """Return the images in few flat colours."""
    return (images * 4).round() / 4


def blocks(images: Tensor) -> Tensor:
    """Return the images as if enlarged from half their size, like a strong compression."""
    small = functional.avg_pool2d(images, 2)
    noisy = small + torch.randn_like(small) * 0.03
    return functional.interpolate(noisy, size=images.shape[-2:], mode="bilinear")


def blur(images: Tensor) -> Tensor:
    """Return the images a little out of focus."""
    return functional.avg_pool2d(functional.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)


def hide(images: Tensor) -> Tensor:
    """Return the images with a rectangle of each covered by one colour."""
    count, pixels = len(images), images.shape[-1]
    place = torch.arange(pixels).float()
    low = torch.rand(count, 2, 1) * pixels
    inside = (place >= low) & (place < low + torch.empty(count, 2, 1).uniform_(8, pixels * 0.35))
    hidden = (inside[:, 0, :, None] & inside[:, 1, None, :])[:, None].float()
    return torch.lerp(images, torch.rand(count, 3, 1, 1).expand_as(images), hidden)


def noise(images: Tensor) -> Tensor:
    """Return the images with a grain."""
    return images + torch.randn_like(images) * _uniform(len(images), 0.01, 0.06)


def coarsen(images: Tensor) -> Tensor:
    """Redraw some of the images (N, 3, P, P) in another manner, and spoil some."""
    images = _some(images, 0.05, posterise)
    images = _some(images, 0.09, two_colours)
    images = _some(images, 0.04, line_art)
    images = _some(images, 0.02, lambda chosen: 1 - chosen)
    images = _some(images, 0.12, blur)
    images = _some(images, 0.08, blocks)
    images = _some(images, 0.08, noise)
    return _some(images, 0.08, hide)


def normalise(images: Tensor) -> Tensor:
    """Return images as CLIP's image processor scales them."""
    return (images - torch.tensor(CLIP_MEAN)[:, None, None]) / torch.tensor(CLIP_STD)[:, None, None]


def _moved(rgba: Tensor, pixels: int) -> Tensor:
    # Colour times opacity, so that the interpolation does not draw in transparent pixels.
    return move(torch.cat([rgba[:, :3] * rgba[:, 3:], rgba[:, 3:]], 1), pixels)


def training_images(sprites: Tensor, pixels: int, difficulty: float = 1.0) -> Tensor:
    """Return normalised training images (N, 3, P, P) of uint8 RGBA sprites (N, 4, S, S).

    A share of `difficulty` of them is varied; the others are moved, and lie on white.
    """
    moved = _moved(sprites.float() / 255, pixels)
    opacity = moved[:, 3:]
    easy = moved[:, :3] + 1 - opacity
    colour = recolour(moved[:, :3] / opacity.clamp(min=1e-3)) * opacity
    varied = coarsen(colour + backgrounds(len(sprites), pixels) * (1 - opacity))
    return normalise(torch.lerp(easy, varied, _chosen(len(sprites), difficulty)).clamp(0, 1))
