"""URLs as people write them, normalised by WHATWG's URL standard."""

import pytest

from common.urls import cleaned, web_address

AS_BROWSERS = [
    ("https://example.org/my cat.png", "https://example.org/my%20cat.png"),
    ("https://example.org/x.png\n", "https://example.org/x.png"),
    (" \t\r\n https://example.org/x.png \x00\x1f", "https://example.org/x.png"),
    ("https://example.org/a\nb\tc\r.png", "https://example.org/abc.png"),
    ("https://example.org/café/猫.png", "https://example.org/caf%C3%A9/%E7%8C%AB.png"),
    ("https://example.org/😀", "https://example.org/%F0%9F%98%80"),
    ("https://example.org/my%20cat.png", "https://example.org/my%20cat.png"),
    ("https://example.org/100%.png", "https://example.org/100%25.png"),
    ("https://example.org/100%zz a%20b", "https://example.org/100%25zz%20a%20b"),
    ('https://example.org/"<>`{}^', "https://example.org/%22%3C%3E%60%7B%7D%5E"),
    ("https://example.org/a|b[1](2)'*~!$&,;=:@+", "https://example.org/a|b[1](2)'*~!$&,;=:@+"),
    ("https://example.org/?q=a b&c=é'\"<>", "https://example.org/?q=a%20b&c=%C3%A9%27%22%3C%3E"),
    ("https://example.org?q=1", "https://example.org?q=1"),
    ("https://example.org/?a?b={}|\\", "https://example.org/?a?b={}|\\"),
    ("https://example.org/x.png#part one", "https://example.org/x.png"),
    ("https://example.org#?x", "https://example.org"),
    ("https://example.org/a\\b\\c.png", "https://example.org/a/b/c.png"),
    ("https://example.org\\x.png", "https://example.org/x.png"),
    ("HTTPS://Example.org/X.png", "https://Example.org/X.png"),
    ("http://bücher.example/x", "http://bücher.example/x"),
    ("http://example.org:8080/x y", "http://example.org:8080/x%20y"),
    ("http://example.org:/x", "http://example.org/x"),
    ("http://example.org:0080/x", "http://example.org:80/x"),
    ("http://[2001:db8::1]:8080/x y", "http://[2001:db8::1]:8080/x%20y"),
    ("http://u:p%40@example.org/", "http://u:p%40@example.org/"),
    ("http://a@b@example.org/", "http://a%40b@example.org/"),
    ("http://example.org/\ud800", "http://example.org/%EF%BF%BD"),
    ("http://example.org/\x7f\x85\xa0\u3000", "http://example.org/%7F%C2%85%C2%A0%E3%80%80"),
]
NONE_AT_ALL = [
    *("", " ", "x.png", "//example.org/x", "http:example.org", "http:/example.org", "http://"),
    *(
        "http:///x",
        "http://?x",
        "http://#",
        "http://@/",
        "http://a b/",
        "http://a\nb/",
        "http://a\x00/",
    ),
    *("http://a:x/", "http://a:0/", "http://a:65536/", "http://a:" + "9" * 5000, "http://a:-1/"),
    *("http://[::1", "http://[::1]x/", "http://::1/", "http://a%20b/", "http://a<b/", "http://a^b"),
    *("ftp://example.org/", "file:///etc/passwd", "javascript:1", "data:image/png;base64,AA"),
    *("http://a:１/", "http://\u3000/", "ht\ntp://example.org/", "https ://example.org/"),  # noqa: RUF001
]


@pytest.mark.parametrize(("written", "sent"), AS_BROWSERS)
def test_a_url_is_encoded_and_stripped_as_browsers_do_it(written: str, sent: str) -> None:
    assert web_address(written) == sent


@pytest.mark.parametrize(("written", "sent"), AS_BROWSERS)
def test_a_second_time_changes_nothing(written: str, sent: str) -> None:
    assert web_address(web_address(written)) == sent


@pytest.mark.parametrize("written", NONE_AT_ALL)
def test_an_invalid_url_raises(written: str) -> None:
    with pytest.raises(ValueError, match=r"host|port|URL"):
        web_address(written)


def test_a_relative_url_is_cleaned_too() -> None:
    assert cleaned(" \\a\\b c\n?x\\y ") == "/a/b c?x\\y"
