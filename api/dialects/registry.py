"""All dialects; a new one is a line here."""

from flask import Flask

from api.dialects import cohere, immich, rerank, roboflow, voyage, weaviate
from api.dialects.dialect import Dialects
from api.dialects.embedding import Embedder
from api.dialects.huggingface import routes as huggingface
from api.dialects.openai import routes as openai
from api.dispatch.dispatcher import Dispatcher
from api.settings import ApiSettings

MODULES = (openai, cohere, voyage, huggingface, weaviate, rerank, immich, roboflow)
"""Each has its DIALECT, and a function that makes its blueprint, of the same name."""


def register(app: Flask, dispatcher: Dispatcher, settings: ApiSettings) -> Dialects:
    """Add the routes of all dialects to the application."""
    embedder = Embedder(dispatcher, settings)
    for module in MODULES:
        app.register_blueprint(module.make_blueprint(embedder))
    return Dialects(app, [module.DIALECT for module in MODULES])
