import json
import subprocess
import sys

from tests.processes import ROOT

SCRIPT = """
import logging, structlog
from common import logs
logs.configure("api", "info", "{form}")
structlog.contextvars.bind_contextvars(request_id="r1")
structlog.get_logger().info("ours", answer=42)
logging.getLogger("a.library").warning("theirs")
structlog.get_logger().debug("too small to tell")
"""


def lines_written(form: str) -> list[str]:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(form=form)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stderr.splitlines()


def test_lines_are_json_with_the_request_id() -> None:
    ours, theirs = (json.loads(line) for line in lines_written("json"))
    assert (ours["event"], ours["answer"], ours["level"]) == ("ours", 42, "info")
    assert (theirs["event"], theirs["level"]) == ("theirs", "warning")
    assert ours["request_id"] == theirs["request_id"] == "r1"
    assert ours["process"] == theirs["process"] == "api"


def test_auto_is_json_where_there_is_no_terminal() -> None:
    assert json.loads(lines_written("auto")[0])["event"] == "ours"


def test_text_is_for_people() -> None:
    assert "answer" in lines_written("text")[0]
    assert not lines_written("text")[0].startswith("{")
