"""Assemble the API from its settings."""

from functools import partial

from flask import Flask

from api.app import Trace, create_app
from api.dispatch.dispatcher import Dispatcher, Stores
from api.settings import ApiSettings
from api.telemetry.metrics import make_metrics
from common.cache.embeddings import EmbeddingCache
from common.fleet.heartbeats import Heartbeats
from common.fleet.overview import overview
from common.label_sets.store import LabelSetStore
from common.ledger.jobs import Ledger
from common.protocol.celery_app import make_celery
from common.redis import connection
from common.webhooks.outbox import Deliveries

SPARE_CONNECTIONS = 8


def assemble(settings: ApiSettings) -> Flask:
    """The application with everything it needs; does not connect yet."""
    redis = connection.fail_fast(settings.redis_url, settings.api_threads + SPARE_CONNECTIONS)
    keys = settings.keys
    stores = Stores(
        Ledger(redis, keys),
        EmbeddingCache(redis, settings.cache_bounds, keys),
        Heartbeats(redis, settings.worker_ttl_s, keys),
        LabelSetStore(
            redis, keys, max_sets=settings.max_label_sets, max_bytes=settings.max_label_set_bytes
        ),
        Deliveries(redis, keys),
    )
    dispatcher, trace = _dispatcher(settings, stores)
    metrics = make_metrics(
        settings, lambda: overview(redis, stores.heartbeats, settings.model_names, keys)
    )
    app = create_app(settings, dispatcher, redis, metrics, trace)
    app.extensions["dispatcher"] = dispatcher
    return app


def _dispatcher(settings: ApiSettings, stores: Stores) -> tuple[Dispatcher, Trace]:
    celery = make_celery(
        settings.redis_url,
        keys=settings.keys,
        socket_timeout_s=connection.FAIL_FAST_TIMEOUT_S,
        task_events=settings.task_events,
    )
    if not settings.tracing:
        return Dispatcher(settings, stores, celery), lambda _: None
    # Without tracing, its packages need not be installed.
    from api.telemetry.tracing import TracedDispatcher, register  # noqa: PLC0415
    from common.telemetry.tracing import Tracer  # noqa: PLC0415

    tracer = Tracer("clip-api")
    return TracedDispatcher(settings, stores, celery, tracer), partial(register, tracer=tracer)
