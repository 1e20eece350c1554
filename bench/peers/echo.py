"""The least that a queue can cost: a bare Celery task that returns what it is given.

The API is our own, in the same gunicorn: it reads, checks, decodes and logs a request as ever. In
place of the ledger, the cache and the workers' answer it has Celery as its documentation has it:
the picture goes to the task as it came, in base64, and comes back as the task's result, in Redis.
"""

import os
from typing import Any

from celery import Celery
from flask import Flask, g, request
from pydantic import TypeAdapter

from api.body import read_json
from api.entry import assemble
from api.parsing import validate
from api.routes.serving import add_candidates, empty_work
from api.schemas import RankRequest
from api.settings import ApiSettings
from common import logs
from common.settings import read

RESULT_TIMEOUT_S = 60
REQUEST: TypeAdapter[RankRequest] = TypeAdapter(RankRequest)


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
    """Our API, but for how `/rank` gets its answer, and for what `/readyz` waits for."""
    settings = read(ApiSettings)
    logs.configure("api", settings.log_level, settings.log_format)
    celery = make_app()
    app = assemble(settings)

    def rank() -> dict[str, Any]:
        body = read_json(request, max_bytes=settings.max_body_bytes, max_items=1000)
        wanted = validate(body.value, REQUEST)
        work = empty_work(settings)
        add_candidates(work, wanted.candidates or [], wanted, settings, are_queries=False)
        work.add(wanted.queries, "/queries", are_queries=True, required=True)
        sent = celery.send_task("echo", [wanted.queries[0].img_blob])
        g.job = sent.id
        return {"echo": sent.get(timeout=RESULT_TIMEOUT_S)}

    def ready() -> dict[str, Any]:
        return {"echo": celery.send_task("echo", ["ready"]).get(timeout=1)}

    app.view_functions |= {"rank.rank": rank, "health.readyz": ready}
    return app
