"""The client for code on an asyncio event loop: `Client`, awaited."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing
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
from clip_api_client.async_driver import AsyncDriver
from clip_api_client.candidates import CallOptions, CandidateLike, RankOptions
from clip_api_client.core import AnyResults, Call
from clip_api_client.encoding import EncodeWish
from clip_api_client.job import AsyncJob
from clip_api_client.progress import Meter, ProgressOption
from clip_api_client.queries import Alpha, ImageSource
from clip_api_client.results import Embeddings, Encoded, Part, Ranked, Ranking, Row
from clip_api_client.retries import Patience, Retry

DEFAULT_URL = "http://localhost:3000"


class AsyncClient:
    """A client of one service. Use it in an `async with`, or close it.

    Its methods are those of `Client`.
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
        """Does not connect yet; see `Client` for the arguments."""
        self._http = httpx.AsyncClient(**transport.http_options(url, api_key, at_once))
        self._driver = AsyncDriver(self._http)
        self._patience = Patience(timeout_s, retries, on_retry)
        self._at_once = at_once

    async def rank(
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
        return Ranking([part async for part in self._parts(call, options.get("progress"))])

    async def rank_each(
        self,
        images: Iterable[ImageSource] | ImageSource | None = None,
        candidates: Iterable[CandidateLike] | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncIterator[Ranked]:
        """Like `rank`, but yields each result as soon as it is available, and keeps none."""
        call = core.rank_call(images, candidates, options, self._patience)
        async with aclosing(self._parts(call, options.get("progress"))) as parts:
            async for part in parts:
                for row in part.rows:
                    yield row

    async def encode(  # noqa: PLR0913 - each has a default
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
        return Embeddings([part async for part in self._parts(call, progress)])

    async def encode_each(  # noqa: PLR0913 - each has a default
        self,
        images: Iterable[ImageSource] | ImageSource | None = None,
        texts: Iterable[str] = (),
        *,
        model: str | None = None,
        alpha: Alpha | None = None,
        allow_partial: bool = False,
        progress: ProgressOption = None,
    ) -> AsyncIterator[Encoded]:
        """Like `encode`, but yields each result as soon as it is available, and keeps none."""
        wish = EncodeWish(model, alpha, allow_partial)
        call = core.encode_call(images, texts, wish, self._patience)
        async with aclosing(self._parts(call, progress)) as parts:
            async for part in parts:
                for row in part.rows:
                    yield row

    async def submit(
        self,
        images: Iterable[ImageSource] | ImageSource | None = None,
        candidates: Iterable[CandidateLike] | None = None,
        **options: Unpack[RankOptions],
    ) -> AsyncJob[Ranking]:
        """Submit a job that ranks: one request, which is in memory as a whole."""
        steps = core.submit_rank(images, candidates, options, self._patience)
        return AsyncJob(await self._driver.run(steps), self._driver, self._patience)

    async def submit_encode(
        self,
        images: Iterable[ImageSource] | ImageSource | None = None,
        texts: Iterable[str] = (),
        *,
        model: str | None = None,
        alpha: Alpha | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> AsyncJob[Embeddings]:
        """Submit a job that encodes; it keeps the metadata."""
        wish = EncodeWish(model, alpha, allow_partial=False, metadata=metadata)
        steps = core.submit_encode(images, texts, wish, self._patience)
        return AsyncJob(await self._driver.run(steps), self._driver, self._patience)

    async def job(self, job: str) -> AsyncJob[AnyResults]:
        """A job by its id."""
        found = await self._driver.run(core.find_job(job, self._patience))
        return AsyncJob(found, self._driver, self._patience)

    async def jobs(self, status: State | None = None) -> AsyncIterator[AsyncJob[AnyResults]]:
        """The asynchronous jobs, newest first."""
        cursor: str | None = None
        while True:
            page = await self._driver.run(jobs.page(status, cursor, self._patience))
            for document in page.jobs:
                found = core.found(document)
                yield AsyncJob(found, self._driver, self._patience)
            cursor = page.next
            if cursor is None:
                return

    async def cancel(self, job: str) -> None:
        """Cancel a job. Raises JobHasEnded if it has ended already."""
        await self._driver.run(jobs.cancel(job, self._patience))

    async def delete(self, job: str) -> None:
        """Cancel a job if necessary, and delete its images and result."""
        await self._driver.run(jobs.delete(job, self._patience))

    async def put_label_set(
        self,
        name: str,
        candidates: Iterable[CandidateLike],
        templates: Iterable[str] = (),
        *,
        alpha: Alpha | None = None,
    ) -> LabelSet:
        """Store candidates under a name; later requests rank by it with `label_set=name`."""
        return await self._driver.run(
            label_sets.put(name, candidates, templates, alpha, self._patience)
        )

    async def edit_label_set(
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
        return await self._driver.run(steps)

    async def label_set(self, name: str) -> LabelSet:
        return await self._driver.run(label_sets.fetch(name, self._patience))

    async def label_sets(self) -> list[LabelSet]:
        listed = await self._driver.run(jobs.get("/label-sets", LabelSets, self._patience))
        return listed.label_sets

    async def delete_label_set(self, name: str) -> None:
        await self._driver.run(label_sets.delete(name, self._patience))

    async def models(self) -> list[Model]:
        return (await self._driver.run(jobs.get("/models", Models, self._patience))).models

    async def workers(self) -> list[Worker]:
        return (await self._driver.run(jobs.get("/workers", Workers, self._patience))).workers

    async def ready(self) -> Readiness:
        """Whether the service can serve a request now; without retries."""
        return await self._driver.run(core.ready())

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _parts(self, call: Call[Row], progress: ProgressOption) -> AsyncGenerator[Part[Row]]:
        meter = Meter(progress, call.total)
        async with aclosing(self._driver.stream(call.pieces, self._at_once)) as parts:
            async for part in parts:
                meter.add(part)
                yield part
