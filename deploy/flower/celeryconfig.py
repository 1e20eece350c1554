# ruff: noqa: INP001 - a module of its own in the container
"""The configuration of Celery in Flower's container: where the workers' keys and channels are."""

import os

broker_transport_options = {"global_keyprefix": os.environ.get("CLIP_REDIS_PREFIX", "clip:")}
