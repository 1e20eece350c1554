"""docs/metrics.md, dashboard, alerts and autoscaling use metrics that the service exports."""

import json
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from prometheus_client import CollectorRegistry
from redis import Redis

from api.settings import ApiSettings
from api.telemetry.request_metrics import RequestMetrics
from api.telemetry.service_metrics import ServiceMetrics
from common.fleet.overview import NOTHING
from common.ledger.records import PartMessage
from common.protocol.celery_app import make_celery, send_parts
from tests.images import blob, encoded, noise
from tests.processes import (
    DEMO_MODEL,
    ROOT,
    Api,
    free_port,
    start_api,
    start_worker,
    wait_for_workers,
    wait_until,
)
from tests.scrape import Scrape
from worker.telemetry.metrics import WorkerMetrics

MONITORING = ROOT / "deploy" / "monitoring"
DOCS = (ROOT / "docs" / "metrics.md").read_text()
DASHBOARD = json.loads((MONITORING / "grafana" / "dashboards" / "clip.json").read_text())
ALERTS = yaml.safe_load((MONITORING / "alerts.yml").read_text())
SCALED = yaml.safe_load(
    (ROOT / "deploy/kubernetes/components/autoscaling/scaled-object.yaml").read_text()
)
SECTIONS = ["Health", "Load", "Latency"]
METRIC = re.compile(r"\b(?:clip|process)_[a-z_]+\b|\bup\b")
LABELS = re.compile(r"\bby \(([^)]*)\)|(\w+)(?:=~|!~|=|!=)\"")
PROMETHEUS_ITSELF = {"up", "job", "instance", "namespace", "le"}


class Service(NamedTuple):
    """The service, and where its worker tells its metrics."""

    api: Api
    worker_url: str

    def until_counted(self, items: int) -> None:
        """A worker shares what it encoded, and counts it last, after its answer."""
        wait_until(
            lambda: Scrape.of(self.worker_url).total("clip_items_total") == items,
            f"{items} items are counted",
        )


@pytest.fixture(scope="module")
def watched(folder: Path, redis_url_of_its_own: str) -> Iterator[Service]:
    """A service of two API processes that was asked for something of everything."""
    port = free_port()
    worker = start_worker(
        folder, redis_url_of_its_own, DEMO_MODEL, metrics_port=port, metrics_host="127.0.0.1"
    )
    api = start_api(folder, redis_url_of_its_own, api_processes=2)
    wait_for_workers(api, [worker])
    service = Service(api, f"http://127.0.0.1:{port}")
    image = blob(encoded(noise(20, 20)))
    for _ in range(2):
        assert api.post("/rank", {"queries": [image], "candidates": [{"text": "a"}]}).ok
        service.until_counted(2)
    api.post("/encode", [{"img_uri": "http://127.0.0.1:1/a.png"}])
    api.post("/encode", [])
    service.until_counted(3)
    yield service
    api.stop()
    worker.stop()


@pytest.fixture(scope="module")
def scrapes(watched: Service) -> tuple[Scrape, Scrape]:
    """What the API tells, and what the worker does."""
    return Scrape.of(watched.api.url), Scrape.of(watched.worker_url)


def dashboard_queries() -> list[str]:
    targets = chain.from_iterable(panel.get("targets", ()) for panel in DASHBOARD["panels"])
    return [target["expr"] for target in targets]


def alert_queries() -> list[str]:
    return [rule["expr"] for group in ALERTS["groups"] for rule in group["rules"]]


def scaling_queries() -> list[str]:
    return [trigger["metadata"]["query"] for trigger in SCALED["spec"]["triggers"]]


@pytest.mark.parametrize("query", [*dashboard_queries(), *alert_queries(), *scaling_queries()])
def test_every_query_uses_our_metrics(scrapes: tuple[Scrape, Scrape], query: str) -> None:
    names = set(METRIC.findall(query))
    assert names
    assert names - {"up"} <= scrapes[0].names | scrapes[1].names
    asked = {
        label.strip()
        for by, compared in LABELS.findall(query)
        for label in (by or compared).split(",")
    }
    known = {
        label
        for each in scrapes
        for family in each.families.values()
        for sample in family.samples
        for label in sample.labels
    }
    assert asked <= known | PROMETHEUS_ITSELF


def test_the_dashboard_answers_three_questions_in_this_order() -> None:
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows == SECTIONS


def test_its_panels_have_distinct_titles_and_descriptions() -> None:
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    for panel in panels:
        assert panel["title"], panel
        assert panel["description"], panel["title"]


def test_the_dashboard_asks_the_data_source_that_is_provisioned() -> None:
    provisioned = yaml.safe_load(
        (MONITORING / "grafana/provisioning/datasources/prometheus.yml").read_text()
    )
    uids = {source["uid"] for source in provisioned["datasources"]}
    asked = {panel["datasource"]["uid"] for panel in DASHBOARD["panels"] if "targets" in panel}
    assert asked == uids


def test_every_alert_says_what_is_wrong() -> None:
    for group in ALERTS["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["summary"], rule
            assert rule["labels"]["severity"] in ("critical", "warning"), rule


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "config", "deploy/monitoring/prometheus.yml"],
        ["test", "rules", "tests/deploy/alerts.test.yml"],
    ],
)
def test_prometheus_takes_the_configuration_and_the_alerts_fire(arguments: list[str]) -> None:
    ended = subprocess.run(
        ["promtool", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def row(metric: Any) -> str:
    """A row of the table, of a metric or of a family that was collected."""
    [family] = metric.describe() if hasattr(metric, "describe") else [metric]
    name = f"{family.name}_total" if family.type == "counter" else family.name
    labels = ", ".join(f"`{label}`" for label in metric._labelnames) or "none"
    return f"| `{name}` | {family.type} | {labels} | {family.documentation} |"


def table(metrics: list[Any]) -> str:
    head = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    return "\n".join([*head, *map(row, metrics)])


def metrics_of(registry: CollectorRegistry) -> list[Any]:
    return list(dict.fromkeys(registry._names_to_collectors.values()))


def test_the_tables_of_metrics_are_those_of_the_code() -> None:
    requests = CollectorRegistry()
    RequestMetrics(requests)
    service = list(ServiceMetrics(ApiSettings(), lambda: NOTHING).describe())
    for metrics in (metrics_of(requests), service, metrics_of(WorkerMetrics().registry)):
        assert table(metrics) in DOCS, f"\n{table(metrics)}\n"


def test_names_follow_the_rules(scrapes: tuple[Scrape, Scrape]) -> None:
    for scrape in scrapes:
        for family in scrape.families.values():
            if family.name.startswith(("process_", "python_")):
                continue
            assert family.name.startswith("clip_")
            assert family.documentation
            for sample in family.samples:
                assert (family.type == "counter") == sample.name.endswith("_total")


def test_api_and_worker_count_the_same_work(scrapes: tuple[Scrape, Scrape]) -> None:
    api, worker = scrapes
    assert api.total("clip_workers", model=DEMO_MODEL.name) == 1
    assert 0 <= api.total("clip_heartbeat_age_seconds") < 5
    assert api.total("clip_requests_total", route="/rank", status="200") == 2
    assert api.total("clip_cached_answers_total", result="hit") == 1
    assert api.total("clip_drained_items_total") == worker.total("clip_items_total") == 3
    assert worker.total("clip_items_total", kind="blob") == 1
    assert worker.total("clip_item_errors_total", kind="uri", code="fetch_failed") == 1
    assert worker.total("clip_batch_items_sum", kind="image") == 1
    assert worker.total("clip_heartbeats_total", result="sent") >= 1
    assert worker.total("process_resident_memory_bytes") > 1e8


def test_a_part_that_an_error_leaves_undone_is_reported(
    watched: Service, redis_url_of_its_own: str
) -> None:
    job = secrets.token_hex(16)
    with Redis.from_url(redis_url_of_its_own) as redis:
        redis.set(f"clip:job:{job}", "no job", ex=60)
    with make_celery(redis_url_of_its_own, socket_timeout_s=5) as app:
        send_parts(app, [PartMessage(job, 0, "interactive", "r")])

    def failed() -> float:
        return Scrape.of(watched.worker_url).total("clip_parts_ended_total", outcome="failed")

    wait_until(lambda: failed() == 1, "the part counts as failed")
