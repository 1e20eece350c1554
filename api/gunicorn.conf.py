"""How gunicorn serves the API: threads, because a request thread mostly waits."""

import resource
import shutil
import sys

from gunicorn.arbiter import Arbiter
from gunicorn.http.message import Request
from gunicorn.workers.base import Worker
from redis.exceptions import RedisError

from api.gunicorn_worker import ApiWorker
from api.settings import ApiSettings
from api.telemetry import metrics_files
from common.listening import check_can_listen, endpoint, is_in_use
from common.protocol.messages import queues_of
from common.redis.server import EXIT_UNUSABLE, UnusableServer, check_server
from common.runtime import freeze_gc, share_arenas
from common.settings import read

_settings = read(ApiSettings)

bind = endpoint(_settings.host, _settings.port)
try:
    check_can_listen(_settings.host, _settings.port)
except OSError as _error:
    # gunicorn retries a port in use, which may be our own during a reload.
    if not is_in_use(_error):
        sys.exit(f"CLIP_HOST, CLIP_PORT: cannot listen on {bind} ({_error.strerror})")

worker_class = "api.gunicorn_worker.ApiWorker"
workers = _settings.api_processes
threads = _settings.api_threads
# The maximum number of connections per process; each has a thread while it is read or served.
worker_connections = max(1000, 2 * threads)
# A gthread worker beats while its requests wait, so this only ends a process that is stuck.
timeout = 60
graceful_timeout = 30
keepalive = 75
# gunicorn's maximum, because a `callback_url` in the query may be long.
limit_request_line = 8190
control_socket_disable = True
# No header of a client changes SCRIPT_NAME.
forwarder_headers = ""
# api/access/proxies.py reads the headers of proxies, if CLIP_TRUSTED_PROXIES is set.
secure_scheme_headers: dict[str, str] = {}
worker_tmp_dir = None
loglevel = "warning"


# An idle connection takes two file descriptors.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
_FILES = 4 * worker_connections
if _soft != resource.RLIM_INFINITY and _soft < _FILES:
    _room = _FILES if _hard == resource.RLIM_INFINITY else min(_FILES, _hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_room, _hard))


def on_starting(_server: Arbiter) -> None:
    """Run once, in the master process, before it listens."""
    queues = [queue for model in ("", *_settings.model_names[1:]) for queue in queues_of(model)]
    try:
        check_server(_settings.redis_url, _settings.keys, queues)
    except UnusableServer as error:
        print(error, file=sys.stderr)  # noqa: T201
        sys.exit(EXIT_UNUSABLE)
    except RedisError:
        pass  # requests get 503 until it answers


def when_ready(server: Arbiter) -> None:
    """Run once, in the master process."""
    server.metrics_folder = metrics_files.make_folder()
    if _settings.is_open_to_others:
        server.log.warning(
            "The API on %s needs no API key: anyone who can reach it can use it. "
            "Set CLIP_API_KEYS, or CLIP_HOST=127.0.0.1.",
            bind,
        )


def pre_fork(server: Arbiter, worker: Worker) -> None:
    worker.place = metrics_files.free_place(each.place for each in server.WORKERS.values())


def post_fork(server: Arbiter, worker: Worker) -> None:
    metrics_files.join(server.metrics_folder, worker.place)
    share_arenas()


def post_worker_init(_worker: Worker) -> None:
    """Run once the application is loaded."""
    freeze_gc()


def pre_request(worker: ApiWorker, _request: Request) -> None:
    worker.head_is_read()


def on_exit(server: Arbiter) -> None:
    shutil.rmtree(server.metrics_folder, ignore_errors=True)
