from flask import Flask

from api.dialects.registry import MODULES
from bench.rows.dialects import DIALECTS, OURS
from tests.conftest import ClientMaker


def blueprint_of(app: Flask, path: str) -> str:
    endpoint, _ = app.url_map.bind("").match(path, method="POST")
    return str(endpoint).partition(".")[0]


def test_the_cost_of_every_dialect_is_measured(make_api: ClientMaker, redis_url: str) -> None:
    app = make_api(redis_url=redis_url).application
    measured = {blueprint_of(app, path) for path in DIALECTS}
    assert measured == {module.DIALECT.name for module in MODULES}
    assert {ours for ours, _ in DIALECTS.values()} == set(OURS)
