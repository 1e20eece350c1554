"""The service that a user would write first: Flask and transformers, one request at a time.

`gunicorn "bench.peers.plain:create_app('FOLDER')"`
"""

from typing import Any

from flask import Flask, request

from bench.peers.reference import Reference


def create_app(folder: str) -> Flask:
    reference = Reference(folder)
    app = Flask("plain")

    @app.post("/rank")
    def rank() -> dict[str, Any]:
        pixels, labels = reference.read(request.get_json())
        return reference.answer(reference.embed_images(pixels[None])[0], labels)

    @app.get("/health")
    def health() -> str:
        return "ok"

    return app
