"""Put the API together from its settings."""

from functools import partial

from flask import Flask

from api.app import Trace, create_app
from api.gateway import Gateway, Stores
from api.metrics import make_metrics
from api.settings import ApiSettings
from common import connection
from common.heartbeats import Heartbeats
from common.jobs import Ledger
from common.label_sets import LabelSetStore
from common.overview import overview
from common.webhooks import Deliveries

SPARE_CONNECTIONS = 8


def assemble(settings: ApiSettings) -> Flask:
    """The application with everything it needs; connects to nothing yet."""
    redis = connection.fail_fast(settings.redis_url, settings.api_threads + SPARE_CONNECTIONS)
    heartbeats = Heartbeats(redis, settings.worker_ttl_s)
    stores = Stores(
        Ledger(redis),
        heartbeats,
        LabelSetStore(redis, most=settings.max_label_sets, grace_s=settings.labels_ttl_s),
        Deliveries(redis),
    )
    gateway, trace = _traced(settings, stores) if settings.tracing else _plain(settings, stores)
    metrics = make_metrics(settings, lambda: overview(redis, heartbeats, settings.models))
    app = create_app(settings, gateway, redis, metrics, trace)
    app.extensions["gateway"] = gateway
    return app


def _plain(settings: ApiSettings, stores: Stores) -> tuple[Gateway, Trace]:
    return Gateway(settings, stores), lambda _: None


def _traced(settings: ApiSettings, stores: Stores) -> tuple[Gateway, Trace]:
    # Who traces nothing need not have the packages.
    from api.tracing import TracedGateway, register  # noqa: PLC0415
    from common.tracing import Tracer  # noqa: PLC0415

    tracer = Tracer("clip-api")
    return TracedGateway(settings, stores, tracer), partial(register, tracer=tracer)
