"""pillow-heif: with it Pillow decodes HEIC."""

from functools import cache
from importlib import import_module
from importlib.util import find_spec


@cache
def has_plugin() -> bool:
    """Whether HEIC can be decoded; the first call registers the plugin with Pillow.

    It decodes no thumbnails or depth maps, and starts no threads, because a worker decodes several
    images at once.
    """
    if find_spec("pillow_heif") is None:
        return False
    plugin = import_module("pillow_heif")
    plugin.register_heif_opener(
        thumbnails=False, depth_images=False, aux_images=False, decode_threads=1
    )
    return True
