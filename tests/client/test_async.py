"""AsyncClient shares its logic with Client, so only the differences are tested."""

import asyncio
import inspect
from pathlib import Path

import pytest
from clip_api_client import AsyncClient, AsyncJob, Client, Job, Progress, errors
from clip_api_client.async_driver import AsyncDriver
from clip_api_client.steps import Sleep, Steps

from tests.client.troubled import TroubledProxy, drop
from tests.images import encoded, noise
from tests.processes import SAMPLES, Api

T_SHIRT = SAMPLES / "t-shirt.png"


def test_both_clients_have_the_same_methods_and_parameters() -> None:
    for blocking, awaited in ((Client, AsyncClient), (Job, AsyncJob)):
        names = {name for name in dir(blocking) if not name.startswith("_")}
        assert names == {name for name in dir(awaited) if not name.startswith("_")}
        for name in names | {"__init__"}:
            one, other = getattr(blocking, name), getattr(awaited, name)
            if callable(one):
                parameters = list(inspect.signature(one).parameters.items())
                others = list(inspect.signature(other).parameters.items())
                if name == "__init__":  # of a job: the driver is another
                    parameters, others = parameters[:2], others[:2]
                assert parameters == others, name


def test_everything_at_once(proxy: TroubledProxy, photos: list[Path]) -> None:
    told: list[Progress] = []

    async def go() -> None:
        async with AsyncClient(proxy.url) as client:
            proxy.troubles.append(drop)
            ranking, embeddings = await asyncio.gather(
                client.rank(photos * 20, ["t-shirt", "jeans"], progress=told.append),
                client.encode(T_SHIRT, ["a"]),
            )
            assert [row.name for row in ranking] == [str(path) for path in photos] * 20
            assert len(embeddings) == 2
            job = await client.submit([T_SHIRT], ["t-shirt", "jeans"], metadata={"batch": "7"})
            assert job.metadata == {"batch": "7"}
            assert (await job.wait(progress=lambda _: None))[0].best.label == "t-shirt"
            assert (await client.job(job.id)).status == "done"
            assert job.id in [each.id async for each in client.jobs("done")]
            await job.delete()
            with pytest.raises(errors.NotFound):
                await job.refresh()
            assert (await client.ready()).is_ready

    asyncio.run(go())
    assert told[-1].done == 20 * len(photos)


def test_leaving_early_cancels_what_runs(service: Api) -> None:
    image = encoded(noise(8, 8))

    async def go() -> None:
        async with AsyncClient(service.url) as client:
            rows = client.rank_each([image] * 1000, ["a"])
            assert (await anext(rows)).index == 0
            await rows.aclose()  # type: ignore[attr-defined]
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(go())


def test_results_come_in_order_and_few_run_at_once() -> None:
    now, most = 0, 0

    def operation(number: int) -> Steps[int]:
        nonlocal now, most
        now += 1
        most = max(most, now)
        yield Sleep(0.001 * (number % 3))
        now -= 1
        return number

    async def go() -> list[int]:
        driver = AsyncDriver(None)  # type: ignore[arg-type]
        return [each async for each in driver.stream(map(operation, range(30)), 3)]

    assert asyncio.run(go()) == list(range(30))
    assert most == 3
