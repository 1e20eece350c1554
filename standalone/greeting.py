"""What is said once the service is ready: a sample image, ranked, and what to do next."""

import base64
import shlex
import sys
from pathlib import Path

import requests
from pydantic import SecretStr

from standalone.settings import DEMO_IMAGE, ROOT

# The names of the sample images.
LABELS = (
    "t-shirt",
    "jeans",
    "dress",
    "running shoe",
    "sunglasses",
    "umbrella",
    "cat",
    "elephant",
    "pizza",
    "bicycle",
    "guitar",
)
BAR_WIDTH = 40
SHOWN = 3
IMAGE = DEMO_IMAGE.relative_to(ROOT)
NEXT = """\
Open  {url} in a browser
Try   {curl}
Read  docs/tutorial.md"""


def rank_sample(url: str, image: Path, key: SecretStr | None) -> str:
    """Rank labels for an image. Returns lines with bars, the most probable label first."""
    blob = base64.b64encode(image.read_bytes()).decode()
    body = {
        "queries": [{"img_blob": blob}],
        "candidates": [{"text": label} for label in LABELS],
    }
    headers = {"X-API-Key": key.get_secret_value()} if key else {}
    with requests.Session() as session:
        session.trust_env = False  # no proxy of the environment leads to this machine
        response = session.post(f"{url}/rank", json=body, headers=headers, timeout=90)
    response.raise_for_status()
    probabilities = response.json()["probabilities"][0]
    ranking = sorted(zip(probabilities, LABELS, strict=True), reverse=True)[:SHOWN]
    return "\n".join(
        f"  {label:<12} {probability:6.1%}  {'█' * round(probability * BAR_WIDTH)}".rstrip()
        for probability, label in ranking
    )


def curl_line(url: str, *, needs_key: bool) -> str:
    """The curl command that ranks the sample, without the API key itself."""
    key = ' -H "X-API-Key: $CLIP_API_KEY"' if needs_key else ""
    form = f"-F image=@{IMAGE} -F candidate=t-shirt -F candidate=jeans"
    return f"curl -s {shlex.quote(url + '/rank')}{key} {form}"


def next_steps(url: str, *, needs_key: bool) -> str:
    return NEXT.format(url=url, curl=curl_line(url, needs_key=needs_key))


def celery_line(redis_url: str, redis_prefix: str) -> str:
    """The command that lists the workers with Celery."""
    celery = Path(sys.executable).with_name("celery")
    shown = celery.relative_to(ROOT) if celery.is_relative_to(ROOT) else celery
    prefix = f"CLIP_REDIS_PREFIX={shlex.quote(redis_prefix)} " if redis_prefix else ""
    environment = f"CLIP_REDIS_URL={shlex.quote(redis_url)} {prefix}"
    return f"{environment}{shlex.quote(str(shown))} -A worker.app status"
