"""The least that a queue can cost: a bare Celery task that returns what it is given.

Celery as its documentation has it, results in Redis, behind Flask in the same gunicorn. A request
is read and its picture decoded from base64, for that nobody can leave out; the picture stays in
the API, and the task gets its digest.
"""

import base64
import hashlib
import json
import os
from typing import Any

from celery import Celery
from flask import Flask, request

RESULT_TIMEOUT_S = 60


def make_app() -> Celery:
    url = os.environ["CLIP_REDIS_URL"]
    app = Celery(
        "echo",
        broker=url.replace("unix://", "redis+socket://", 1),
        backend=url.replace("unix://", "redis+socket://", 1),
    )
    app.conf.update(broker_connection_retry_on_startup=True, result_expires=60)

    @app.task(name="echo")
    def echo(text: str) -> str:
        return text

    return app


def create_app() -> Flask:
    celery = make_app()
    app = Flask("echo")

    @app.post("/rank")
    def rank() -> dict[str, Any]:
        document = json.loads(request.get_data())
        picture = base64.b64decode(document["queries"][0]["img_blob"])
        sent = celery.send_task("echo", [hashlib.sha256(picture).hexdigest()])
        return {"echo": sent.get(timeout=RESULT_TIMEOUT_S)}

    @app.get("/readyz")
    def ready() -> dict[str, Any]:
        return {"echo": celery.send_task("echo", ["ready"]).get(timeout=1)}

    return app
