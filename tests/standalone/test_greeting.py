"""The commands that are printed once the service is ready."""

import shlex

import pytest

from standalone.greeting import celery_line, curl_line


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_the_url_of_the_curl_line_is_one_word_in_every_shell(host: str) -> None:
    line = curl_line(f"http://{host}:3000", needs_key=False)
    assert shlex.split(line)[2] == f"http://{host}:3000/rank"
    assert ("'" in line) == ("[" in host)


def test_the_celery_line_names_the_prefix_of_the_keys() -> None:
    assert "CLIP_REDIS_PREFIX" not in celery_line("unix:///tmp/a/valkey.sock", "")
    url = "unix:///tmp/a folder/valkey.sock"
    words = shlex.split(celery_line(url, "mine:"))
    assert words[:2] == [f"CLIP_REDIS_URL={url}", "CLIP_REDIS_PREFIX=mine:"]
