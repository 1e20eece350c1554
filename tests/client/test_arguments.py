"""What the command line makes of its arguments, and what it says about wrong ones."""

import sys
from functools import partial
from pathlib import Path

import pytest
from clip_api_client.__main__ import main
from clip_api_client.cli.arguments import command_line
from clip_api_client.settings import Settings

from tests.client.commands import environment, run

parse = command_line(Settings("http://localhost:3000", None)).parse


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rank", "x.jpg", "--lables", "a, b"], "no option --lables: did you mean --labels?"),
        (["rank", "--lables=a, b", "x.jpg"], "no option --lables: did you mean --labels?"),
        (["rank", "x.jpg", "--jsno"], "no option --jsno: did you mean --json?"),
        (["encode", "--ulr", "localhost:1"], "no option --ulr: did you mean --url?"),
        (["jobs", "list", "--statsu", "done"], "no option --statsu: did you mean --status?"),
        (["jobs", "--statsu", "done"], "clip-api jobs list: there is no option --statsu"),
        (["label-sets", "put", "x", "--templat", "{}", "--lable-file", "y"], "--labels-file?"),
        (["--verzion"], "no option --verzion: did you mean --version?"),
        (["rnak", "x.jpg"], "no command 'rnak': did you mean rank?"),
        (["label_sets"], "no command 'label_sets': did you mean label-sets?"),
        (["jobs", "shwo", "1"], "clip-api jobs: there is no command 'shwo': did you mean show?"),
        (["--url", "localhost:1", "rank"], "--url belongs after the command"),
        (["jobs", "0123"], "there are list, show, wait, cancel, delete"),
        (["jobs", "show", "1", "2"], "unexpected argument '2'"),
        (["rank", "x", "--metadata", "batch"], "'batch' is not KEY=VALUE"),
        (["--npy", "x.npy"], "belongs after the command, as in `clip-api encode --npy …`"),
        (["--template={}"], "as in `clip-api rank --template …`"),
        (["--status", "done", "jobs"], "as in `clip-api jobs list --status …`"),
        (["jobs", "--limit", "-1"], "argument --limit: must be a whole number, 0 or more"),
        (["jobs", "--limit", "many"], "argument --limit: must be a whole number, 0 or more"),
        (["jobs", "--retries", "-3"], "argument --retries: must be a whole number, 0 or more"),
        (["jobs", "--timeout", "long"], "argument --timeout: must be a number above 0"),
        (["rank", "a.jpg", "--labels", "x", "b.jpg", "--tpo", "1"], "did you mean --top?"),
        (["rank", "a", "--temperature", "inf"], "--temperature: must be a number above 0"),
        (["rank", "a", "--temperature", "nan"], "--temperature: must be a number above 0"),
        (["rank", "a", "--label", "caf\udce9"], "the value of label is not UTF-8"),
        (["rank", "a", "--metadata", "a=caf\udce9"], "the value of metadata is not UTF-8"),
        (["encode", "--text", "caf\udce9"], "the value of text is not UTF-8"),
        (["jobs", "wait", ".."], "argument ID: '..' cannot be an ID or a name"),
        (["jobs", "show", ""], "argument ID: '' cannot be an ID or a name"),
        (["jobs", "cancel", "1", "."], "argument ID: '.' cannot be an ID or a name"),
        (["jobs", "delete", "1", "-q", ".."], "argument ID: '..' cannot be an ID or a name"),
        (["label-sets", "show", ""], "argument NAME: '' cannot be an ID or a name"),
        (["label-sets", "put", ".."], "argument NAME: '..' cannot be an ID or a name"),
        (["label-sets", "add", "."], "argument NAME: '.' cannot be an ID or a name"),
        (["label-sets", "templates", "."], "argument NAME: '.' cannot be an ID or a name"),
        (["label-sets", "delete", "a", ".."], "argument NAME: '..' cannot be an ID or a name"),
        (
            ["rank", "a", "--label-set", ".."],
            "argument --label-set: '..' cannot be an ID or a name",
        ),
        (["jobs", "--api-key", "caf\udce9"], "the value of api-key is not UTF-8"),
        (["jobs", "show", "caf\udce9"], "the value of job is not UTF-8"),
        (["label-sets", "delete", "a", "caf\udce9"], "the value of name is not UTF-8"),
    ],
)
def test_a_wrong_word_is_named_with_the_nearest_one(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    told = capsys.readouterr()
    assert ended.value.code == 2
    assert words in told.err
    assert told.err.count("\n") == 2
    assert told.out == ""


def test_nothing_is_suggested_that_is_not_near(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["rank", "x.jpg", "--frobnicate"])
    assert capsys.readouterr().err == (
        "clip-api rank: there is no option --frobnicate\nSee `clip-api rank --help`.\n"
    )


@pytest.mark.parametrize("command", ["jobs", "label-sets"])
def test_a_command_with_actions_lists_if_it_is_called_alone(command: str) -> None:
    assert parse([command]).action == "list"
    assert parse([command, "--json"]).format == "json"
    assert parse([command, "delete", "x"]).action == "delete"


@pytest.mark.parametrize(
    ("arguments", "files"),
    [
        (["rank", "a.jpg", "--labels", "x", "b.jpg"], ["a.jpg", "b.jpg"]),
        (["encode", "a.jpg", "--text", "t", "b.jpg", "-q", "c.jpg"], ["a.jpg", "b.jpg", "c.jpg"]),
        (["rank", "--labels", "x", "--", "-b.jpg"], ["-b.jpg"]),
    ],
)
def test_images_may_be_between_options(arguments: list[str], files: list[str]) -> None:
    given = parse(arguments)
    assert (given.command, given.files) == (arguments[0], files)


def test_ids_may_be_between_options() -> None:
    given = parse(["jobs", "delete", "1", "-q", "2"])
    assert (given.command, given.action, given.job) == ("jobs", "delete", ["1", "2"])
    assert given.quiet


def test_names_of_files_may_have_any_bytes() -> None:
    given = parse(["encode", "caf\udce9.png", "--npy", "caf\udce9.npy"])
    assert (given.files, given.npy) == (["caf\udce9.png"], "caf\udce9.npy")


def test_a_limit_is_at_most_what_a_list_can_have() -> None:
    assert parse(["jobs", "--limit", str(10**23)]).limit == sys.maxsize


def test_metadata_are_pairs() -> None:
    given = parse(["rank", "x", "--metadata", "batch=7", "--metadata", "note=a=b"])
    assert given.metadata == [("batch", "7"), ("note", "a=b")]


def test_alone_it_shows_its_help(tmp_path: Path) -> None:
    here = partial(run, folder=tmp_path, env=environment())
    ended = here()
    assert (ended.code, ended.output) == (2, "")
    assert ended.errors == here("--help").output
    assert "label-sets" in ended.errors
    assert "Traceback" not in ended.errors


@pytest.mark.parametrize("action", [[], ["jobs"], ["label-sets"], ["label-sets", "put"]])
def test_every_level_has_help(capsys: pytest.CaptureFixture[str], action: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([*action, "-h"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: {' '.join(['clip-api', *action])} ")


def test_the_url_of_an_image_is_utf8(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["encode", "http://h/caf\udce9.png", "--url", "localhost:1", "--retries", "0"]
    assert main(arguments) == 2
    assert "is not UTF-8" in capsys.readouterr().err
