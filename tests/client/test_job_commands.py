"""`clip-api jobs` and `clip-api rank --submit`."""

import json

from clip_api_client import Client, Job, Ranking

from tests.client.commands import Command, environment, run
from tests.client.troubled import TroubledProxy
from tests.image_server import ImageServer, Stalling
from tests.images import encoded, noise
from tests.processes import SAMPLES, Api

JEANS = SAMPLES / "jeans.png"


def submitted(client: Client) -> Job[Ranking]:
    return client.submit([JEANS], ["pizza", "jeans"], metadata={"batch": "7"})


def test_jobs_are_listed(clip_api: Command, on_terminal: Command, client: Client) -> None:
    first, last = (
        client.submit([JEANS], ["pizza", "jeans"], metadata={"batch": "7"}) for _ in range(2)
    )
    first.wait()
    last.wait()
    listed = [line.split("\t") for line in clip_api("jobs").lines]
    assert [cells[0] for cells in listed[:2]] == [last.id, first.id]
    assert listed[1][1:6] == ["rank", "done", "1", "0", "1"]
    assert listed[1][8] == "batch=7"
    [line] = clip_api("jobs", "list", "--limit", "1").lines
    assert line.split("\t")[0] == last.id
    [line] = clip_api("jobs", "--limit", "1", "--json").lines
    assert json.loads(line)["id"] == last.id
    table = on_terminal("jobs").lines
    assert table[0].split() == ["Job", "Kind", "Status", "Done", "Failed", "Age", "Took"]
    assert table[1].split()[0] == last.id
    assert max(len(line.rstrip()) for line in table) <= 80
    assert "batch=7" in on_terminal("jobs", columns=120).output


def test_a_job_is_shown_and_deleted(clip_api: Command, client: Client) -> None:
    done = submitted(client)
    done.wait()
    shown = clip_api("jobs", "show", done.id)
    assert {"status\tdone", "metadata\tbatch\t7"} <= set(shown.lines)
    assert shown.lines[-1].startswith("query 0\tjeans ")
    told = json.loads(clip_api("jobs", "show", done.id, "--json").output)
    assert told["result"]["probabilities"][0][1] > 0.9
    assert clip_api("jobs", "delete", done.id).code == 0
    gone = clip_api("jobs", "show", done.id)
    assert (gone.code, gone.errors) == (2, "clip-api: no such job\n")


def test_a_job_is_cancelled_once(
    clip_api: Command, client: Client, image_server: ImageServer
) -> None:
    done = client.submit([JEANS], ["a"])
    done.wait()
    slow = Stalling(image_server, encoded(noise(8, 8)))
    waiting = client.submit([slow.url], ["a"])
    ended = clip_api("jobs", "cancel", waiting.id, done.id)
    slow.let_go.set()
    assert ended.code == 1
    assert ended.lines == [f"{waiting.id}\tcancelled"]
    assert f"{done.id}: The job has ended" in ended.errors
    waited = clip_api("jobs", "wait", waiting.id)
    assert waited.code == 1
    assert "status\tcancelled" in waited.lines


def test_a_job_is_submitted_with_metadata(clip_api: Command, client: Client) -> None:
    given = ("--metadata", "batch=7", "--metadata", "of=a=b")
    submitted = clip_api("rank", "jeans.png", "-l", "pizza, jeans", "--submit", *given)
    assert (submitted.code, submitted.errors) == (0, "")
    [job] = submitted.lines
    waited = clip_api("jobs", "wait", job)
    assert waited.code == 0
    assert {"metadata\tbatch\t7", "metadata\tof\ta=b"} <= set(waited.lines)
    assert waited.lines[-1].startswith("query 0\tjeans ")
    assert client.job(job).metadata == {"batch": "7", "of": "a=b"}
    unreadable = clip_api("rank", "nope.png", "-l", "a", "--submit")
    assert (unreadable.code, unreadable.output) == (2, "")
    assert "nope.png" in unreadable.errors


def test_the_jobs_of_a_command_have_metadata(service: Api) -> None:
    with TroubledProxy(service.url).running() as proxy:
        given = ("-l", "jeans, pizza", "--metadata", "batch=7", "--url", proxy.url)
        ended = run("rank", JEANS, *given, folder=SAMPLES, env=environment())
    assert ended.code == 0
    assert json.loads(proxy.seen[-1].body)["metadata"] == {"batch": "7"}
