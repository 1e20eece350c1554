"""The settings of the API process."""

from typing import Annotated

from pydantic import Field

from common.settings import SharedSettings


class ApiSettings(SharedSettings):
    """Limits on requests, and how the server listens."""

    host: str = Field(default="0.0.0.0", description="address the API listens on")  # noqa: S104
    port: Annotated[int, Field(ge=1, le=65535)] = Field(
        default=3000, description="port the API listens on"
    )
    sync_timeout_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=60, description="longest wait of a synchronous request; after that 504"
    )
    job_timeout_s: Annotated[int, Field(ge=1, le=604_800)] = Field(
        default=3600, description="a job not finished by then is given up"
    )
    result_ttl_s: Annotated[int, Field(ge=1, le=2_592_000)] = Field(
        default=86_400, description="how long a finished job is kept"
    )
    sync_result_ttl_s: Annotated[int, Field(ge=1, le=2_592_000)] = Field(
        default=60, description="how long a job is kept whose answer was already delivered"
    )
    max_queries: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=1000, description="most queries of a request, and most items of `/encode`"
    )
    max_async_queries: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=10_000, description="the same for an asynchronous request"
    )
    max_candidates: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=1000, description="most candidates of a request"
    )
    max_body_bytes: Annotated[int, Field(ge=1, le=2**31)] = Field(
        default=100_000_000, description="largest request body, in bytes"
    )
    max_open_items: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=50_000, description="most items accepted and unfinished; beyond it 503"
    )
    part_queries: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=32, description="pictures in one message to a worker"
    )
    api_processes: Annotated[int, Field(ge=1, le=64)] = Field(
        default=2, description="API processes"
    )
    api_threads: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=64, description="requests that one API process serves at once"
    )
