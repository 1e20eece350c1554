"""Runs operations on an asyncio event loop."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable

import httpx

from clip_api_client.steps import Blocking, Request, Result, Sleep, Step, Steps
from clip_api_client.transport import arguments, response_of, telling_of_outages

AHEAD = 2


class AsyncDriver:
    """Runs operations over one HTTP client."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def run(self, steps: Steps[Result]) -> Result:
        """Run an operation to its end."""
        try:
            step = next(steps)
            while True:
                try:
                    outcome = await self._do(step)
                except Exception as error:  # noqa: BLE001 - the operation knows what to make of it
                    step = steps.throw(error)
                else:
                    step = steps.send(outcome)
        except StopIteration as end:
            result: Result = end.value
            return result

    async def stream(
        self, operations: Iterable[Steps[Result]], at_once: int
    ) -> AsyncGenerator[Result]:
        """The results of operations, in order; at most `at_once` run concurrently.

        Operations are taken lazily, so there may be any number of them. The first exception ends
        the iteration and cancels running operations.
        """
        free = asyncio.Semaphore(at_once)
        running: deque[asyncio.Task[Result]] = deque()

        async def in_turn(operation: Steps[Result]) -> Result:
            async with free:
                return await self.run(operation)

        try:
            for operation in operations:
                running.append(asyncio.create_task(in_turn(operation)))
                if len(running) == AHEAD * at_once:
                    yield await running.popleft()
            while running:
                yield await running.popleft()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _do(self, step: Step) -> object:
        match step:
            case Request():
                with telling_of_outages(str(self._http.base_url)):
                    return response_of(await self._http.request(**arguments(step)))
            case Sleep(seconds):
                await asyncio.sleep(seconds)
                return None
            case Blocking(call):
                return await asyncio.to_thread(call)
