"""The jobs view: what is queued, running and done, and who does it."""

import re

from playwright.sync_api import Page, Request, expect

from tests.browser.playground import Playground
from tests.image_server import ImageServer, Stalling
from tests.processes import SAMPLES, Api

CANDIDATES = [{"text": "pizza"}, {"text": "cat"}]


def submitted(service: Api, url: str, **by: object) -> str:
    body = {"queries": [{"img_uri": url}], **(by or {"candidates": CANDIDATES})}
    job: str = service.post("/rank?wait=0", body).json()["id"]
    return job


def row(page: Page, job: str) -> str:
    return f"#jobs tbody tr:has(code[title='{job}'])"


def test_a_job_is_watched_cancelled_opened_and_deleted(
    playground: Playground, service: Api, image_server: ImageServer
) -> None:
    page = playground.page
    page.get_by_role("link", name="Jobs").click()
    expect(page.get_by_role("heading", level=1, name="Jobs")).to_be_visible()
    stalling = Stalling(image_server, (SAMPLES / "pizza.png").read_bytes())
    job = submitted(service, stalling.url)
    assert stalling.asked.acquire(timeout=20)
    mine = page.locator(row(page, job))
    expect(mine.locator(".status")).to_have_text("running")  # it refreshes by itself
    expect(mine).to_contain_text("0 of 1")
    playground.button(f"Cancel job {job[:8]}").focus()
    page.keyboard.press("Enter")
    expect(mine.locator(".status")).to_have_text("cancelled")
    stalling.let_go.set()
    playground.button(f"Open job {job[:8]}").click()
    expect(playground.alert).to_contain_text("The job was cancelled")
    playground.button(f"Delete job {job[:8]}").click()
    expect(mine).to_have_count(0)
    assert service.get(f"/jobs/{job}").status_code == 404


def test_jobs_made_elsewhere_are_opened_too(
    playground: Playground, service: Api, image_server: ImageServer
) -> None:
    job = submitted(service, image_server.serve((SAMPLES / "pizza.png").read_bytes()))
    service.get(f"/jobs/{job}?wait=20")
    playground.page.get_by_role("link", name="Jobs").click()
    playground.page.get_by_label("Show").select_option("done")
    playground.button(f"Open job {job[:8]}").click()
    opened = playground.page.get_by_role("region", name=f"Job {job[:8]}")
    expect(opened.get_by_role("listitem").first).to_contain_text(re.compile(r"label 1\s*>? ?9"))


def test_a_job_by_a_label_set_shows_its_labels(
    playground: Playground, service: Api, image_server: ImageServer
) -> None:
    put = {"candidates": CANDIDATES, "template": "a {}"}
    assert service.put("/label-sets/food", put).ok
    url = image_server.serve((SAMPLES / "pizza.png").read_bytes())
    job = submitted(service, url, label_set="food")
    service.get(f"/jobs/{job}?wait=20")
    playground.page.get_by_role("link", name="Jobs").click()
    playground.button(f"Open job {job[:8]}").click()
    opened = playground.page.get_by_role("region", name=f"Job {job[:8]}")
    expect(opened.get_by_role("listitem").first).to_contain_text("a pizza")


def test_workers_and_models_are_shown(playground: Playground, service: Api) -> None:
    [worker] = service.get("/workers").json()["workers"]
    playground.open("#jobs")
    workers = playground.page.get_by_role("table", name="Workers")
    expect(workers.get_by_role("rowheader")).to_have_text([worker["name"]])
    expect(workers).to_contain_text("cpu")
    models = playground.page.get_by_role("table", name="Models")
    expect(models.get_by_role("rowheader")).to_contain_text(["model"])


def test_no_request_is_made_while_the_view_is_hidden(playground: Playground) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        if "/playground/" not in request.url:  # the browser fetches the icon when it likes
            asked.append(request.url)

    playground.page.on("request", note)
    with playground.page.expect_response("**/workers"):
        playground.page.get_by_role("link", name="Jobs").click()
    playground.page.get_by_role("link", name="Rank", exact=True).click()
    playground.page.wait_for_load_state("networkidle")
    before = len(asked)
    playground.page.wait_for_timeout(2500)  # longer than the pause between two looks
    assert len(asked) == before
