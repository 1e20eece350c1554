"""A job as of its last update in this client: `Job`, and `AsyncJob` to be awaited."""

from collections.abc import Callable
from datetime import datetime
from typing import Generic, TypeVar

from clip_api_client import jobs
from clip_api_client.answers import JobDocument, JobProgress, JobTimings, NamedModel, State
from clip_api_client.async_driver import AsyncDriver
from clip_api_client.core import Submitted
from clip_api_client.errors import Fault
from clip_api_client.problems import ending_of
from clip_api_client.progress import ProgressOption
from clip_api_client.retries import Patience
from clip_api_client.sync_driver import SyncDriver

Outcome_co = TypeVar("Outcome_co", covariant=True)


class JobView(Generic[Outcome_co]):
    """A job without further requests; `document` is the last one from the service."""

    def __init__(self, submitted: Submitted[Outcome_co]) -> None:
        self.document = submitted.document
        self._places = submitted.places
        self._read: Callable[[JobDocument], Outcome_co] = submitted.read

    @property
    def id(self) -> str:
        return self.document.id

    @property
    def status(self) -> State:
        return self.document.status

    @property
    def has_ended(self) -> bool:
        return self.document.has_ended

    @property
    def kind(self) -> str:
        return self.document.kind

    @property
    def progress(self) -> JobProgress:
        return self.document.progress

    @property
    def created_at(self) -> datetime:
        return self.document.created_at

    @property
    def model(self) -> NamedModel | None:
        return self.document.model

    @property
    def metadata(self) -> dict[str, str]:
        """What it was submitted with."""
        return self.document.metadata

    @property
    def timings(self) -> JobTimings | None:
        return self.document.timings

    @property
    def errors(self) -> list[Fault]:
        """Its faults; those of queries with their indices in the call."""
        return [self._places.fault(fault) for fault in self.document.errors]

    @property
    def result(self) -> Outcome_co | None:
        """The result once `refresh` or `wait` has seen the job as done; None before."""
        return None if self.document.result is None else self._read(self.document)

    def _outcome(self) -> Outcome_co:
        error = ending_of(self.document)
        if error:
            self._places.locate(error)
            raise error
        return self._read(self.document)

    def _see(self, document: JobDocument) -> None:
        self.document = document

    def __repr__(self) -> str:
        count = self.progress
        return f"<{type(self).__name__} {self.id}: {self.status}, {count.done}/{count.total}>"


class Job(JobView[Outcome_co], Generic[Outcome_co]):
    """A job on the service. Its methods raise NotFound if it was deleted there."""

    def __init__(
        self, submitted: Submitted[Outcome_co], driver: SyncDriver, patience: Patience
    ) -> None:
        super().__init__(submitted)
        self._driver = driver
        self._patience = patience

    def refresh(self) -> None:
        """Read its current state."""
        self._see(self._driver.run(jobs.fetch(self.id, self._patience)))

    def wait(
        self, timeout_s: float | None = None, *, progress: ProgressOption = None
    ) -> Outcome_co:
        """Wait until it has ended, and return its result.

        Raises:
            InvalidRequest, JobCancelled: it ended without a result.
            DeadlineExceeded: it expired, or has not ended after `timeout_s`.
        """
        self._driver.run(
            jobs.wait(
                self.id, self._patience, timeout_s=timeout_s, progress=progress, seen=self._see
            )
        )
        return self._outcome()

    def cancel(self) -> None:
        """Cancel it. Raises JobHasEnded if it has ended already."""
        self._see(self._driver.run(jobs.cancel(self.id, self._patience)))

    def delete(self) -> None:
        """Cancel it if necessary, and delete its images and result."""
        self._driver.run(jobs.delete(self.id, self._patience))


class AsyncJob(JobView[Outcome_co], Generic[Outcome_co]):
    """A job on the service. Its methods raise NotFound if it was deleted there."""

    def __init__(
        self, submitted: Submitted[Outcome_co], driver: AsyncDriver, patience: Patience
    ) -> None:
        super().__init__(submitted)
        self._driver = driver
        self._patience = patience

    async def refresh(self) -> None:
        """Read its current state."""
        self._see(await self._driver.run(jobs.fetch(self.id, self._patience)))

    async def wait(
        self, timeout_s: float | None = None, *, progress: ProgressOption = None
    ) -> Outcome_co:
        """Wait until it has ended, and return its result.

        Raises:
            InvalidRequest, JobCancelled: it ended without a result.
            DeadlineExceeded: it expired, or has not ended after `timeout_s`.
        """
        await self._driver.run(
            jobs.wait(
                self.id, self._patience, timeout_s=timeout_s, progress=progress, seen=self._see
            )
        )
        return self._outcome()

    async def cancel(self) -> None:
        """Cancel it. Raises JobHasEnded if it has ended already."""
        self._see(await self._driver.run(jobs.cancel(self.id, self._patience)))

    async def delete(self) -> None:
        """Cancel it if necessary, and delete its images and result."""
        await self._driver.run(jobs.delete(self.id, self._patience))
