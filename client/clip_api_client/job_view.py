"""A job as of its last update in this client."""

from collections.abc import Callable
from datetime import datetime
from typing import Generic, TypeVar

from clip_api_client.answers import JobDocument, JobProgress, JobTimings, NamedModel, State
from clip_api_client.core import Submitted
from clip_api_client.errors import Fault
from clip_api_client.problems import ending_of

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
