"""The request as code: the snippets on the page are executed."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from tests.browser.playground import Playground
from tests.image_server import ImageServer
from tests.processes import ROOT, SAMPLES, Api

LABELS = ["pizza", 'it\'s a "cat"; $HOME', "@bicycle"]


def snippets(playground: Playground) -> tuple[str, str, Any]:
    """The texts for curl and Python, and the answer that the page got."""
    playground.settle()
    playground.page.get_by_text("The same request as code").click()
    playground.page.get_by_text("The answer as JSON").click()
    curl, python, answer = (
        playground.page.get_by_role("region", name=name, exact=True).locator("code").inner_text()
        for name in ("curl", "Python", "JSON")
    )
    return curl, python, json.loads(answer)["probabilities"]


def executed(*command: str) -> str:
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return ended.stdout


def check(playground: Playground) -> None:
    curl, python, answer = snippets(playground)
    for printed in (
        json.loads(executed("sh", "-c", curl))["probabilities"],
        executed_python(python),
    ):
        assert np.allclose(printed, answer, atol=1e-4)


def executed_python(text: str) -> Any:
    return json.loads(executed(sys.executable, "-c", text))


def takes_forms(service: Api) -> bool:
    rank = service.get("/openapi.json").json()["paths"]["/rank"]["post"]
    return "multipart/form-data" in rank["requestBody"]["content"]


def test_links_are_sent_as_json(playground: Playground, image_server: ImageServer) -> None:
    images = [(SAMPLES / name).read_bytes() for name in ("pizza.png", "cat.png")]
    playground.link(*map(image_server.serve, images))
    playground.label(*LABELS)
    playground.page.get_by_text("More", exact=True).click()
    playground.page.get_by_label("Templates").fill("a {}\nit's a {}")
    playground.page.get_by_label("Temperature").fill("3")
    check(playground)


def test_files_are_sent_as_a_form(playground: Playground, service: Api) -> None:
    if not takes_forms(service):
        pytest.skip("this service takes no forms")
    for name in ("pizza", "cat"):
        playground.button(f"Add the sample image {name}").click()
    playground.label(*LABELS)
    playground.page.get_by_text("More", exact=True).click()
    playground.page.get_by_label("Templates").fill("a {}\nit's a {}")
    check(playground)
