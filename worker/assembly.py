"""Assemble the components of a worker from its settings."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from redis import Redis

from common.cache.embeddings import EmbeddingCache, space_of
from common.protocol.messages import Priority
from common.redis import connection
from common.webhooks.outbox import Deliveries
from common.webhooks.secrets import key_of
from worker.batching.batcher import Batcher
from worker.images.decode_processes import DecodeProcesses, count_of, preload
from worker.images.limits import Limits
from worker.images.pixel_budget import PixelBudget
from worker.model.embedding_memory import Memory, TextMemory
from worker.model.encoder import Encoder
from worker.net.exchange import ClientOptions
from worker.net.fetch import Fetcher, FetchLimits
from worker.net.guard import Allowed, Guard, Ports
from worker.net.trust import chosen, trusting
from worker.part.fetching_parts import FetchingParts
from worker.part.pipeline import Pipeline
from worker.settings import StandardAuthorities, WorkerSettings
from worker.webhooks.delivery import MAX_RECORDING, Sender, WebhookDispatcher
from worker.webhooks.retries import RetryPolicy

DECODE_THREADS = 16
"""For each priority."""
SPARE_CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Connections:
    """Connections to one Redis.

    `patient` is for parts. `cache` fails fast, because an embedding that cannot be read at once is
    better computed. `quick` is for work that the others must not delay.
    """

    patient: Redis
    cache: Redis
    quick: Redis


def make_connections(settings: WorkerSettings, threads: int) -> Connections:
    max_connections = 2 * DECODE_THREADS + threads + SPARE_CONNECTIONS
    return Connections(
        connection.patient(settings.redis_url, max_connections),
        connection.fail_fast(settings.redis_url, max_connections),
        connection.fail_fast(settings.redis_url, max_connections=4),
    )


def make_pipeline(
    settings: WorkerSettings,
    encoder: Encoder,
    batcher: Batcher,
    cache: Redis,
    threads: int,
) -> Pipeline:
    """The pipeline for parts, of which `threads` run at once."""
    return Pipeline(
        encoder=encoder,
        batcher=batcher,
        fetcher=make_fetcher(settings),
        fetching=FetchingParts(threads),
        image_threads={
            priority: ThreadPoolExecutor(DECODE_THREADS, f"{priority}-image")
            for priority in Priority
        },
        limits=Limits(settings.max_image_pixels, settings.max_image_frames),
        budgets={
            priority: PixelBudget(settings.max_pixels_in_flight // 2) for priority in Priority
        },
        memory=Memory(
            TextMemory(settings.remembered_texts),
            EmbeddingCache(cache, settings.cache_bounds, settings.keys),
            space_of(
                encoder.info,
                encoder.dtype,
                jpeg_draft=settings.jpeg_draft,
                exif_orientation=settings.exif_orientation,
            ),
        ),
        jpeg_draft=settings.jpeg_draft,
        exif_orientation=settings.exif_orientation,
        decode_processes=make_decode_processes(settings, encoder),
    )


def make_decode_processes(settings: WorkerSettings, encoder: Encoder) -> DecodeProcesses | None:
    count = count_of(settings.decode_processes, encoder.device)
    prepare = encoder.portable_prepare
    if not count or prepare is None:
        return None
    preload()
    return DecodeProcesses(count, prepare)


def make_guard(settings: WorkerSettings) -> Guard:
    return Guard(Ports.parse(settings.fetch_ports), Allowed.parse(settings.fetch_allow))


def make_client_options(settings: WorkerSettings) -> ClientOptions:
    """The User-Agent of fetches and webhooks, and the authorities that they trust."""
    own = [Path(settings.fetch_ca_file)] if settings.fetch_ca_file else []
    authorities = chosen(StandardAuthorities().groups) + own
    return ClientOptions(partial(trusting, authorities), settings.fetch_user_agent)


def make_fetcher(settings: WorkerSettings) -> Fetcher:
    limits = FetchLimits(
        settings.max_image_bytes,
        settings.fetch_timeout_s,
        settings.fetch_per_host,
        settings.fetch_threads,
    )
    return Fetcher(
        make_guard(settings) if settings.fetch_urls else None,
        limits,
        use_proxies=settings.fetch_use_proxies,
        options=make_client_options(settings),
    )


def make_webhook_sender(settings: WorkerSettings) -> Sender:
    return Sender(
        make_guard(settings),
        [key_of(secret.get_secret_value()) for secret in settings.webhook_secrets],
        settings.webhook_timeout_s,
        use_proxies=settings.fetch_use_proxies,
        options=make_client_options(settings),
    )


def make_webhook_dispatcher(settings: WorkerSettings) -> WebhookDispatcher | None:
    """The webhook dispatcher; None if no secret is configured."""
    if not settings.webhook_secrets:
        return None
    # If Redis does not answer, an outcome is not recorded and the webhook is delivered again.
    redis = connection.fail_fast(settings.redis_url, MAX_RECORDING + 2)
    policy = RetryPolicy(settings.webhook_attempts, settings.webhook_backoff_s)
    return WebhookDispatcher(
        Deliveries(redis, settings.keys), make_webhook_sender(settings), policy
    )
