"""The names of all settings, to find misspelled environment variables."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

PREFIX = "CLIP_"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# All of them, because deployments often give the variables of one part to the others too.
API = _names("""
    alpha api_keys api_keys_file api_processes api_threads cors_origins flower_url host
    job_timeout_s matryoshka_models max_async_queries max_body_bytes max_candidates
    max_label_set_bytes max_label_sets max_open_items max_prompts max_queries max_text_chars
    model_aliases part_queries port rate_limit result_ttl_s sync_result_ttl_s sync_timeout_s
    trusted_proxies
""")
WORKER = _names("""
    allow_pickle batch_size concurrency context_length cpu_acceleration decode_processes device
    dtype exif_orientation exit_pause_s fetch_allow fetch_ca_file fetch_per_host fetch_ports
    fetch_threads fetch_timeout_s fetch_use_proxies fetch_user_agent gpu_acceleration jpeg_draft
    max_image_frames max_image_pixels max_pixels_in_flight metrics_host metrics_port min_cosine
    model model_name model_timeout_s remembered_texts revision torch_threads webhook_attempts
    webhook_backoff_s webhook_timeout_s
""")
STANDALONE = _names("data")
CLIENT = _names("api_url api_key")
# The variables that Kubernetes sets for Services whose names begin with "clip".
OF_SERVICE = re.compile(
    r"CLIP_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?"
    r"|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:ADDR|PORT|PROTO))?)",
    re.ASCII,
)
SERVICE_URL = re.compile(r"(?:tcp|udp|sctp)://")


def unknown_names(environment: Mapping[str, str], own: Iterable[str]) -> list[str]:
    """The variables that begin with CLIP_ and are no settings; `own` are this process's fields."""
    known = _known(own)
    return sorted(
        name
        for name, value in environment.items()
        if name.upper().startswith(PREFIX)
        and name.upper() not in known
        and not OF_SERVICE.fullmatch(name)
        and service_of(name, value) is None
    )


def nearest(name: str, own: Iterable[str]) -> str | None:
    """The setting with the most similar name, if it is similar enough."""
    found = get_close_matches(name.upper(), sorted(_known(own)), n=1, cutoff=0.75)
    return found[0] if found else None


def service_of(name: str, value: object) -> str | None:
    """The Kubernetes Service for which this variable was set, if it was."""
    if not name.endswith("_PORT") or not isinstance(value, str) or not SERVICE_URL.match(value):
        return None
    return name.removesuffix("_PORT").lower().replace("_", "-")


def _known(own: Iterable[str]) -> set[str]:
    return {PREFIX + field.upper() for field in (*own, *API, *WORKER, *STANDALONE, *CLIENT)}
