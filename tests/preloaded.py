"""Imported once, for what is forked later: it takes seconds, and starts no thread."""

from importlib import import_module

for name in (
    "api.assembly",
    "celery.apps.worker",
    "gunicorn.app.wsgiapp",
    "transformers.models.clip.image_processing_clip",
    "transformers.models.clip.modeling_clip",
    "transformers.models.clip.tokenization_clip",
    "worker.model.checkpoint",
    "worker.model.clip_encoder",
    "worker.process",
):
    import_module(name)
