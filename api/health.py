"""`python -m api.health`: a container's health check.

Exits with 0 if this host's API answers `/healthz`, else with 1 and an error.
"""

import sys
import urllib.request

from api.settings import ApiSettings
from common.listening import local_url
from common.settings import read

TIMEOUT_S = 4


def main() -> int:
    settings = read(ApiSettings)
    url = f"{local_url(settings.host, settings.port)}/healthz"
    # Without the proxies of the environment, which are for other hosts.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(url, timeout=TIMEOUT_S).close()
    except OSError as error:
        print(f"{url} does not answer: {error}")  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
