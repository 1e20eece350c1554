"""Rank texts against images with a CLIP API: `Client`, `AsyncClient`, and errors to catch."""

from clip_api_client import errors
from clip_api_client.answers import (
    JobDocument,
    JobProgress,
    LabelSet,
    Model,
    Readiness,
    Worker,
)
from clip_api_client.async_client import AsyncClient
from clip_api_client.candidates import CallOptions, RankOptions
from clip_api_client.client import Client
from clip_api_client.errors import ClipError, Fault, ItemError
from clip_api_client.job import AsyncJob, Job
from clip_api_client.progress import Bar, Progress
from clip_api_client.queries import ImageSource
from clip_api_client.results import Candidate, Embeddings, Encoded, Ranked, Ranking
from clip_api_client.retries import Retry

__all__ = [
    "AsyncClient",
    "AsyncJob",
    "Bar",
    "CallOptions",
    "Candidate",
    "Client",
    "ClipError",
    "Embeddings",
    "Encoded",
    "Fault",
    "ImageSource",
    "ItemError",
    "Job",
    "JobDocument",
    "JobProgress",
    "LabelSet",
    "Model",
    "Progress",
    "RankOptions",
    "Ranked",
    "Ranking",
    "Readiness",
    "Retry",
    "Worker",
    "errors",
]
