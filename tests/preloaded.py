"""Imported once, for what is forked later: it takes seconds, and starts no thread."""

import sys
from importlib import import_module
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "client"))

for name in (
    "api.assembly",
    "celery.apps.worker",
    "clip_api_client.cli",
    "gunicorn.app.wsgiapp",
    "transformers.models.clip.image_processing_clip",
    "transformers.models.clip.modeling_clip",
    "transformers.models.clip.tokenization_clip",
    "worker.model.checkpoint",
    "worker.model.clip_encoder",
    "worker.process",
):
    import_module(name)
