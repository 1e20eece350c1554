"""The jobs view: what is queued, running and done, and who does it."""

import re
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import OpenTab
from tests.browser.playground import Playground
from tests.image_server import ImageServer, Stalling
from tests.processes import SAMPLES, Api, start_api

CANDIDATES = [{"text": "pizza"}, {"text": "cat"}]
KEEPS_NONE = "The service keeps no images; only the tab that sent a job can show them."


def submitted(service: Api, url: str, **by: object) -> str:
    body = {"queries": [{"img_uri": url}], **(by or {"candidates": CANDIDATES})}
    job: str = service.post("/rank?wait=0", body).json()["id"]
    return job


def row(page: Page, job: str) -> str:
    return f"#jobs tbody tr:has(a[title='{job}'])"


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
    page.get_by_role("link", name=f"Job {job[:8]}").click()
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
    playground.page.get_by_label("Show", exact=True).select_option("done")
    playground.page.get_by_role("link", name=f"Job {job[:8]}").click()
    opened = playground.page.get_by_role("region", name=f"Job {job[:8]}")
    expect(opened.get_by_role("heading", level=2)).to_be_focused()
    expect(opened.locator(".card")).to_contain_text(re.compile(r"image 1\s*pizza\s*>? ?9"))
    expect(opened).to_contain_text(KEEPS_NONE)
    playground.page.get_by_role("link", name="All jobs").click()
    expect(opened).to_be_hidden()


def test_the_metadata_of_a_job_is_shown(
    playground: Playground, service: Api, image_server: ImageServer
) -> None:
    url = image_server.serve((SAMPLES / "pizza.png").read_bytes())
    metadata = {"album": "Kitchen, 2024", "batch": "7"}
    job = submitted(service, url, candidates=CANDIDATES, metadata=metadata)
    page = playground.page
    page.get_by_role("link", name="Jobs").click()
    expect(page.locator(row(page, job))).to_contain_text("album: Kitchen, 2024")
    page.get_by_role("link", name=f"Job {job[:8]}").click()
    facts = page.get_by_role("region", name=f"Job {job[:8]}").locator(".facts")
    expect(facts).to_contain_text(re.compile(r"album\s*Kitchen, 2024\s*batch\s*7"))


def test_a_link_leads_to_a_job(service: Api, open_tab: OpenTab, image_server: ImageServer) -> None:
    job = submitted(service, image_server.serve((SAMPLES / "pizza.png").read_bytes()))
    service.get(f"/jobs/{job}?wait=20")
    page = open_tab(service.url).open(f"#jobs/{job}").page
    expect(page.get_by_role("region", name=f"Job {job[:8]}")).to_contain_text(job)
    expect(page.get_by_role("progressbar", name="Progress", exact=True)).to_have_js_property(
        "value", 1
    )
    page.goto(f"{service.url}/#jobs/none")
    expect(page.get_by_text("There is no such job")).to_be_visible()


def test_an_opened_job_is_followed_to_its_end(
    service: Api, open_tab: OpenTab, image_server: ImageServer
) -> None:
    stalling = Stalling(image_server, (SAMPLES / "pizza.png").read_bytes())
    job = submitted(service, stalling.url)
    assert stalling.asked.acquire(timeout=20)
    page = open_tab(service.url).open(f"#jobs/{job}").page
    opened = page.get_by_role("region", name=f"Job {job[:8]}")
    expect(opened.locator("#opened-status")).to_have_text("running")
    expect(opened.locator("#opened-counts")).to_have_text("0 of 1 · 0 images/s")
    expect(page.locator("#jobs-told")).to_contain_text(re.compile(r"running.*: 0 images/s"))
    stalling.let_go.set()
    expect(opened.locator(".card")).to_have_count(1)
    expect(opened.locator("#opened-counts")).to_have_text(re.compile(r"1 of 1 · [\d,.]+ images/s"))


def test_the_images_of_a_job_of_this_tab_are_shown(
    playground: Playground, image_server: ImageServer
) -> None:
    url = image_server.serve((SAMPLES / "pizza.png").read_bytes(), Content_Type="image/png")
    playground.link(" ".join([url] * 9))
    playground.rank()
    playground.page.get_by_role("link", name="Jobs").click()
    playground.page.locator("#jobs tbody").get_by_role("link").first.click()
    images = playground.page.locator(".card img")
    expect(images).to_have_count(9)
    expect(images.first).to_have_js_property("naturalWidth", 384)
    expect(playground.page.get_by_text(KEEPS_NONE)).to_have_count(0)


def test_a_job_by_a_label_set_shows_its_labels(
    playground: Playground, service: Api, image_server: ImageServer
) -> None:
    put = {"candidates": CANDIDATES, "template": "a {}"}
    assert service.put("/label-sets/food", put).ok
    url = image_server.serve((SAMPLES / "pizza.png").read_bytes())
    job = submitted(service, url, label_set="food")
    service.get(f"/jobs/{job}?wait=20")
    playground.page.get_by_role("link", name="Jobs").click()
    playground.page.get_by_role("link", name=f"Job {job[:8]}").click()
    opened = playground.page.get_by_role("region", name=f"Job {job[:8]}")
    expect(opened.locator(".card")).to_contain_text(re.compile(r"image 1\s*pizza\s*>? ?9"))


def test_workers_and_models_are_shown(playground: Playground, service: Api) -> None:
    [worker] = service.get("/workers").json()["workers"]
    playground.open("#jobs")
    workers = playground.page.get_by_role("table", name="Workers")
    expect(workers.get_by_role("rowheader")).to_have_text(
        [re.compile(worker["name"] + r"\s*" + worker["node"])]
    )
    expect(workers.locator("td[data-name=Device]")).to_have_text("cpu")
    expect(workers.locator("td[data-name=Speed]")).to_have_text(re.compile(r"^[\d,.]+ images/s$"))
    batch_size = str(worker["batch_size"])
    expect(workers.locator("td[data-name='Batch size']")).to_have_text(batch_size)
    models = playground.page.get_by_role("table", name="Models")
    expect(models.get_by_role("rowheader")).to_contain_text(["model"])


def test_no_request_is_made_while_the_view_is_hidden(playground: Playground) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        if "/playground/" not in request.url:  # the browser fetches the icon when it likes
            asked.append(request.url)

    playground.settle()
    playground.page.on("request", note)
    with playground.page.expect_response("**/workers"):
        playground.page.get_by_role("link", name="Jobs").click()
    playground.page.get_by_role("link", name="Rank", exact=True).click()
    before = len(asked)
    playground.page.wait_for_timeout(2500)  # longer than the pause between two looks
    assert len(asked) == before


def test_after_a_refusal_the_page_looks_again_by_itself(playground_apart: Playground) -> None:
    page = playground_apart.page
    page.clock.install()
    headers = {"Retry-After": "600", "Content-Type": "application/problem+json"}
    body = '{"title": "Too many requests", "errors": []}'
    refuse = "**/jobs?*"
    page.route(refuse, lambda route: route.fulfill(status=429, headers=headers, body=body), times=1)
    page.get_by_role("link", name="Jobs").click()
    expect(playground_apart.alert).to_contain_text("Too many requests")
    page.clock.run_for(600_000)
    expect(playground_apart.alert).to_have_count(0)
    expect(page.get_by_role("table", name="Workers")).to_be_visible()


def test_each_look_takes_two_requests(playground_apart: Playground) -> None:
    page = playground_apart.page
    page.clock.install()
    with page.expect_response("**/models"):
        page.get_by_role("link", name="Jobs").click()
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url.removeprefix(playground_apart.url)))
    for path in ("**/workers", "**/models"):
        with page.expect_response(path):
            page.clock.run_for(2_000)
    assert set(asked) == {"/jobs?limit=20", "/workers", "/models"}
    looks = asked.count("/jobs?limit=20")
    assert abs(2 * looks - len(asked)) <= 1  # the last one may be under way
    assert abs(asked.count("/workers") - asked.count("/models")) <= 1


AVERAGES = """async () => {
    const { averageOf } = await import("/playground/js/jobs/rates.js");
    const job = { progress: { total: 2 }, status: "done", started_at: "2024-05-01T12:00:00.000Z" };
    const took = (rest) => averageOf({ ...job, finished_at: `2024-05-01T12:00:00.${rest}Z` });
    return [took("001"), took("099"), took("100"), took("500")];
}"""


def test_no_speed_is_told_of_a_job_from_the_cache(modules: Page) -> None:
    assert modules.evaluate(AVERAGES) == [None, None, 20, 4]


LOOKS = """async () => {
    const { Polling } = await import("/playground/js/jobs/polling.js");
    window.looks = [];
    const look = async () => { window.looks.push(Math.round(performance.now() / 1000)); };
    const polling = new Polling(look, () => {});
    await polling.start();
}"""


def test_the_page_looks_less_often_while_nothing_happens(playground_apart: Playground) -> None:
    page = playground_apart.page
    page.clock.install()
    page.evaluate(LOOKS)
    for _ in range(60):
        page.clock.run_for(1_000)
    looks = page.evaluate("window.looks")
    assert [after - before for before, after in pairwise(looks)] == [2, 2, 2, 4, 8, 16, 16]


def test_what_is_no_id_is_not_asked_for(playground: Playground) -> None:
    page = playground.page
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url))
    playground.page.goto(f"{playground.url}/#jobs/..")
    expect(page.get_by_text("There is no such job")).to_be_visible()
    assert f"{playground.url}/" not in asked


def test_flower_is_linked_where_the_operator_names_it(
    folder: Path, service: Api, service_redis_url: str, open_tab: OpenTab, playground: Playground
) -> None:
    link = playground.page.get_by_role("link", name="Tasks and workers in Flower")
    playground.open("#jobs")
    expect(playground.page.get_by_role("table", name="Workers")).to_be_visible()
    expect(link).to_have_count(0)
    api = start_api(folder, service_redis_url, flower_url="http://127.0.0.1:5555/flower")
    try:
        page = open_tab(api.url).open("#jobs").page
        flower = page.get_by_role("link", name="Tasks and workers in Flower")
        expect(flower).to_have_attribute("href", "http://127.0.0.1:5555/flower")
    finally:
        api.stop()
