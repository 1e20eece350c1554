"""Structured logs: one line per event, with the request id from HTTP to the model."""

import json
import logging
import sys
from collections.abc import Callable
from typing import Any, Literal

import orjson
import structlog
from structlog.typing import Processor

LogFormat = Literal["auto", "json", "text"]

NOISY = (
    "urllib3",
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "kombu",
    "flask-limiter",
    "flask_cors",
    "celery.worker.strategy",
    "celery.worker.consumer.consumer",  # logs each pause of the bulk queues
    "celery.app.trace",
)
"""Libraries that log at warning level only."""


def is_text(log_format: LogFormat) -> bool:
    """Whether logs are text: `auto` is text on a terminal."""
    return log_format == "text" or (log_format == "auto" and sys.stderr.isatty())


def configure(process: str, level: str, log_format: LogFormat) -> None:
    """Write all logs, those of libraries included, to standard error as JSON or text.

    Our own lines bypass `logging`, which takes three times as long.
    """
    as_text = is_text(log_format)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _process_adder(process),
    ]
    last: list[Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if as_text
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_dumps)]
    )
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _configure_libraries(level, [structlog.stdlib.ExtraAdder(), *shared], last)


def _configure_libraries(level: str, first: list[Processor], last: list[Processor]) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=first,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _dumps(event: structlog.typing.EventDict, default: Callable[[Any], Any]) -> str:
    try:
        return orjson.dumps(event, default).decode()
    except TypeError:  # e.g. an integer of more than 64 bits
        return json.dumps(event, default=default)


def _process_adder(process: str) -> Processor:
    def add(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["process"] = process
        return event

    return add
