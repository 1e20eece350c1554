"""What holds for every package: right numbers, errors of its own classes, its own retries."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

import pytest

from tests.packages.addresses import Services
from tests.packages.callers import PACKAGES, Call, Package
from tests.packages.conftest import (
    OTHER,
    TEXT,
    Expected,
    answered,
    assert_same,
    encoded,
    use_up,
)
from tests.packages.node import NpmError

TOO_LONG = "a" * 20_001
OK, INVALID, UNAUTHORIZED, NOT_FOUND, OVER_RATE, FULL = 200, 400, 401, 404, 429, 503
TRIES = 5
POLL_S = 0.05


def each(names: Iterable[str]) -> pytest.MarkDecorator:
    """Run a test with these packages, as far as they are installed."""
    needs = pytest.mark.skipif
    return pytest.mark.parametrize(
        "name",
        [
            pytest.param(name, marks=needs(not PACKAGES[name].is_installed, reason="needs npm"))
            for name in names
        ],
    )


def retrying(status: int) -> list[str]:
    return [name for name, package in PACKAGES.items() if status in package.retried]


def call_for(status: int, services: Services, whom: str) -> Call:
    """A call that is answered with this status; no other test uses its texts if it is FULL."""
    call = Call(services.plain, [TEXT, OTHER])
    return {
        OK: call,
        INVALID: replace(call, inputs=[TEXT, TOO_LONG]),
        UNAUTHORIZED: replace(call, key="wrong"),
        NOT_FOUND: replace(call, model="nowhere"),
        OVER_RATE: replace(call, url=services.limited),
        FULL: Call(services.full, [f"new from {whom}", f"also new from {whom}"]),
    }[status]


def error_of(package: Package, call: Call) -> Exception | None:
    try:
        package.embed(call)
    except Exception as error:  # noqa: BLE001 - its class is the question
        return error
    return None


def told_by(error: Any) -> tuple[str, int]:
    """The names of its package and class, and its status."""
    module, kind = type(error).__module__.partition(".")[0], type(error).__name__
    name = error.name if isinstance(error, NpmError) else f"{module}.{kind}"
    response = getattr(error, "response", error)
    return name, getattr(response, "status_code", None) or error.http_status


@each(PACKAGES)
def test_its_numbers_are_those_of_encode(name: str, services: Services, expected: Expected) -> None:
    told = PACKAGES[name].embed(call_for(OK, services, name))
    assert_same(told, [expected.text, expected.other])


@pytest.mark.parametrize("status", [INVALID, UNAUTHORIZED, NOT_FOUND, OVER_RATE, FULL])
@each(PACKAGES)
def test_a_refusal_is_of_its_own_class(name: str, services: Services, status: int) -> None:
    package, call = PACKAGES[name], call_for(status, services, name)
    before = answered(call.url, status)
    if status == OVER_RATE:
        use_up(services)
    error = error_of(package, call)
    while error is None and status == OVER_RATE:  # the limit's time was over
        use_up(services)
        error = error_of(package, call)
    assert told_by(error) == (package.errors[status], status)
    # Without retries it asks once.
    assert answered(call.url, status) == before + 1


@each(retrying(OVER_RATE))
def test_over_the_rate_it_tries_again_by_itself(
    name: str, services: Services, expected: Expected
) -> None:
    call = replace(call_for(OVER_RATE, services, name), tries=TRIES)
    before = answered(call.url, OVER_RATE)
    told = None
    while answered(call.url, OVER_RATE) == before:
        use_up(services)
        told = PACKAGES[name].embed(call)
    assert_same(told, [expected.text, expected.other])


@each(retrying(FULL))
def test_while_the_queue_is_full_it_tries_again_by_itself(name: str, services: Services) -> None:
    call = replace(call_for(FULL, services, f"{name}, which waits"), tries=TRIES)
    before = answered(call.url, FULL)
    with ThreadPoolExecutor(1) as thread:
        told = thread.submit(PACKAGES[name].embed, call)
        while answered(call.url, FULL) == before:
            assert not wait([told], POLL_S).done, told.exception()
        # What the cache has needs no place in the queue.
        known = encoded(services, *({"text": text} for text in call.inputs))
        assert_same(told.result(), known)
