"""The greeting: a sample image, ranked."""

import base64
from pathlib import Path

import requests
from pydantic import SecretStr

# The labels of the docker-clip-api README.
LABELS = (
    "t-shirt",
    "jeans",
    "jacket",
    "dress",
    "skirt",
    "shorts",
    "coat",
    "shoes",
    "hat",
    "sweater",
)
BAR_WIDTH = 40


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
    ranking = sorted(zip(probabilities, LABELS, strict=True), reverse=True)
    return "\n".join(
        f"  {label:<10} {probability:6.1%}  {'█' * round(probability * BAR_WIDTH)}"
        for probability, label in ranking
    )


def curl_line(url: str, image: Path, *, needs_key: bool) -> str:
    """The curl command that does the same, without the API key itself."""
    key = ' -H "X-API-Key: $CLIP_API_KEY"' if needs_key else ""
    candidates = ", ".join(f'{{"text": "{label}"}}' for label in LABELS[:3])
    return (
        f"""echo '{{"queries": [{{"img_blob": "'$(base64 < {image} | tr -d '\\n')'"}}], """
        f""""candidates": [{candidates}]}}' \\\n"""
        f"""    | curl -s {url}/rank -H 'Content-Type: application/json'{key} -d @-"""
    )
