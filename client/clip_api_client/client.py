"""The synchronous client."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Self, Unpack

import httpx

from clip_api_client import core, jobs, label_sets, transport
from clip_api_client.answers import (
    LabelSet,
    LabelSets,
    Model,
    Models,
    Readiness,
    State,
    Worker,
    Workers,
)
from clip_api_client.candidates import CallOptions, CandidateLike, RankOptions
from clip_api_client.core import AnyResults, Call
from clip_api_client.encoding import EncodeWish
from clip_api_client.job import Job
from clip_api_client.progress import Meter, ProgressOption
from clip_api_client.queries import Alpha, ImageSource
from clip_api_client.results import Embeddings, Encoded, Part, Ranked, Ranking, Row
from clip_api_client.retries import Patience, Retry
from clip_api_client.sync_driver import SyncDriver

DEFAULT_URL = "http://localhost:3000"


class Client:
    """A client of one service; thread-safe. Use it in a `with`, or close it.

    All errors of the connection and of the service are ClipErrors.
    """

    def __init__(  # noqa: PLR0913 - each has a default
        self,
        url: str = DEFAULT_URL,
        api_key: str | None = None,
        *,
        timeout_s: float = 300.0,
        retries: int | None = None,
        at_once: int = 4,
        on_retry: Callable[[Retry], None] | None = None,
    ) -> None:
        """Does not connect yet.

        Args:
            url: the URL of the service, or a host and port: `localhost:3000`.
            api_key: sent as `Authorization: Bearer`.
            timeout_s: the timeout of a request, including retries and waiting for its job.
            retries: the number of failures that a request tolerates, such as a service that does
                not answer; by default any number until the timeout. A rate limit or a full queue
                is not a failure.
            at_once: the number of concurrent requests of a large call.
            on_retry: called before each retry.
        """
        self._http = httpx.Client(**transport.http_options(url, api_key, at_once))
        self._driver = SyncDriver(self._http)
        self._patience = Patience(timeout_s, retries, on_retry)
        self._at_once = at_once

    def rank(
        self,
        images: Iterable[ImageSource] | ImageSource | None = None,
        candidates: Iterable[CandidateLike] | None = None,
        **options: Unpack[CallOptions],
    ) -> Ranking:
        """Rank candidates for each image (and each of `texts`); options are in `CallOptions`.

        There may be any number of images: they are read and sent in several requests.

        Raises:
            ClipError: a query failed without `allow_partial`, or the request failed.
        """
        call = core.rank_call(images, candidates, options, self._patience)
        return Ranking(self._parts(call, options.get("progress")))

    def rank_each(
        self,
        images: Iterable[ImageSource] | ImageSource | None = None,
        candidates: Iterable[CandidateLike] | None = None,
        **options: Unpack[CallOptions],
    ) -> Iterator[Ranked]:
        """Like `rank`, but yields each result as soon as it is available, and keeps none."""
        call = core.rank_call(images, candidates, options, self._patience)
        for part in self._parts(call, options.get("progress")):
            yield from part.rows

    def encode(  # noqa: PLR0913 - each has a default
        self,
        images: Iterable[ImageSource] | ImageSource | None = None,
        texts: Iterable[str] = (),
        *,
        model: str | None = None,
        alpha: Alpha | None = None,
        allow_partial: bool = False,
        progress: ProgressOption = None,
    ) -> Embeddings:
        """The embeddings of images, then of texts; not normalised."""
        wish = EncodeWish(model, alpha, allow_partial)
        call = core.encode_call(images, texts, wish, self._patience)
        return Embeddings(self._parts(call, progress))

    def encode_each(  # noqa: PLR0913 - each has a default
        self,
        images: Iterable[ImageSource] | ImageSource | None = None,
        texts: Iterable[str] = (),
        *,
        model: str | None = None,
        alpha: Alpha | None = None,
        allow_partial: bool = False,
        progress: ProgressOption = None,
    ) -> Iterator[Encoded]:
        """Like `encode`, but yields each result as soon as it is available, and keeps none."""
        wish = EncodeWish(model, alpha, allow_partial)
        call = core.encode_call(images, texts, wish, self._patience)
        for part in self._parts(call, progress):
            yield from part.rows

    def submit(
        self,
        images: Iterable[ImageSource] | ImageSource | None = None,
        candidates: Iterable[CandidateLike] | None = None,
        **options: Unpack[RankOptions],
    ) -> Job[Ranking]:
        """Submit a job that ranks: one request, which is in memory as a whole."""
        steps = core.submit_rank(images, candidates, options, self._patience)
        return Job(self._driver.run(steps), self._driver, self._patience)

    def submit_encode(
        self,
        images: Iterable[ImageSource] | ImageSource | None = None,
        texts: Iterable[str] = (),
        *,
        model: str | None = None,
        alpha: Alpha | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Job[Embeddings]:
        """Submit a job that encodes; it keeps the metadata."""
        wish = EncodeWish(model, alpha, allow_partial=False, metadata=metadata)
        steps = core.submit_encode(images, texts, wish, self._patience)
        return Job(self._driver.run(steps), self._driver, self._patience)

    def job(self, job: str) -> Job[AnyResults]:
        """A job by its id."""
        found = self._driver.run(core.find_job(job, self._patience))
        return Job(found, self._driver, self._patience)

    def jobs(self, status: State | None = None) -> Iterator[Job[AnyResults]]:
        """The asynchronous jobs, newest first."""
        cursor: str | None = None
        while True:
            page = self._driver.run(jobs.page(status, cursor, self._patience))
            for document in page.jobs:
                found = core.found(document)
                yield Job(found, self._driver, self._patience)
            cursor = page.next
            if cursor is None:
                return

    def cancel(self, job: str) -> None:
        """Cancel a job. Raises JobHasEnded if it has ended already."""
        self._driver.run(jobs.cancel(job, self._patience))

    def delete(self, job: str) -> None:
        """Cancel a job if necessary, and delete its images and result."""
        self._driver.run(jobs.delete(job, self._patience))

    def put_label_set(
        self,
        name: str,
        candidates: Iterable[CandidateLike],
        templates: Iterable[str] = (),
        *,
        alpha: Alpha | None = None,
    ) -> LabelSet:
        """Store candidates under a name; later requests rank by it with `label_set=name`."""
        return self._driver.run(label_sets.put(name, candidates, templates, alpha, self._patience))

    def edit_label_set(
        self,
        name: str,
        *,
        add: Iterable[str] = (),
        remove: Iterable[str] = (),
        templates: Iterable[str] | None = None,
    ) -> LabelSet:
        """Add labels to a stored set, remove others, or replace its templates; the rest stays.

        Raises:
            RequestError: a label to remove is not in the set, nothing would be left of it, it has
                uploaded images, or another client replaced it at the same time.
        """
        steps = label_sets.edit(name, self._patience, add=add, remove=remove, templates=templates)
        return self._driver.run(steps)

    def label_set(self, name: str) -> LabelSet:
        return self._driver.run(label_sets.fetch(name, self._patience))

    def label_sets(self) -> list[LabelSet]:
        return self._driver.run(jobs.get("/label-sets", LabelSets, self._patience)).label_sets

    def delete_label_set(self, name: str) -> None:
        self._driver.run(label_sets.delete(name, self._patience))

    def models(self) -> list[Model]:
        return self._driver.run(jobs.get("/models", Models, self._patience)).models

    def workers(self) -> list[Worker]:
        return self._driver.run(jobs.get("/workers", Workers, self._patience)).workers

    def ready(self) -> Readiness:
        """Whether the service can serve a request now; without retries."""
        return self._driver.run(core.ready())

    def close(self) -> None:
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _parts(self, call: Call[Row], progress: ProgressOption) -> Iterator[Part[Row]]:
        meter = Meter(progress, call.total)
        for part in self._driver.stream(call.pieces, self._at_once):
            meter.add(part)
            yield part
