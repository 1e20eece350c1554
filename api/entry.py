"""Put the API together from its settings."""

from flask import Flask

from api.app import create_app
from api.gateway import Gateway, Stores
from api.settings import ApiSettings
from common import connection
from common.heartbeats import Heartbeats
from common.jobs import Ledger
from common.label_sets import LabelSetStore
from common.recall import Recall

SPARE_CONNECTIONS = 8


def assemble(settings: ApiSettings) -> Flask:
    """The application with everything it needs; connects to nothing yet."""
    redis = connection.fail_fast(settings.redis_url, settings.api_threads + SPARE_CONNECTIONS)
    stores = Stores(
        Ledger(redis),
        Heartbeats(redis, settings.worker_ttl_s),
        LabelSetStore(redis, most=settings.max_label_sets, grace_s=settings.labels_ttl_s),
        Recall(redis, settings.cache_bounds),
    )
    gateway = Gateway(settings, stores)
    app = create_app(settings, gateway, redis)
    app.extensions["gateway"] = gateway
    return app
