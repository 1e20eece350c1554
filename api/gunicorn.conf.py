"""How gunicorn serves the API: threads, because a request thread mostly waits."""

from gunicorn.arbiter import Arbiter

from api.settings import ApiSettings
from common.settings import read

_settings = read(ApiSettings)

bind = f"{_settings.host}:{_settings.port}"
worker_class = "gthread"
workers = _settings.api_processes
threads = _settings.api_threads
# A gthread worker beats while its requests wait, so this only ends a process that is stuck.
timeout = 60
graceful_timeout = 30
keepalive = 75
control_socket_disable = True
worker_tmp_dir = None
loglevel = "warning"


def when_ready(server: Arbiter) -> None:
    """Say it once, from the process that all others come from."""
    if _settings.is_open_to_others:
        server.log.warning(
            "Anybody who reaches %s is served: no API key is asked for. "
            "Set CLIP_API_KEYS, or CLIP_HOST=127.0.0.1.",
            bind,
        )
