"""URLs as people write them, normalised as browsers do it (WHATWG's URL standard).

Surrounding white space is stripped, and invalid characters of paths and queries percent-encoded.
"""

import re
from urllib.parse import quote

AROUND = "".join(map(chr, range(0x21)))
WITHIN = str.maketrans("", "", "\t\n\r")
SCHEME = re.compile(r"(https?)://", re.IGNORECASE)
AUTHORITY = re.compile(r"[^/\\?#\s\x00-\x20\x7f-\x9f]+")
PLACE = re.compile(r"(\[[^\[\]]+\]|[^\[\]:%<>^|]+)(?::([0-9]*))?")
LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
SURROGATE = re.compile(r"[\ud800-\udfff]")
PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
IN_PATH = "".join(each for each in PRINTABLE if each not in '"#<>?^`{}')
IN_QUERY = "".join(each for each in PRINTABLE if each not in "\"#<>'")
IN_USER = "".join(each for each in PRINTABLE if each not in '"#/<>?@[\\]^`{|}')
MAX_PORT = 65_535


def cleaned(url: str) -> str:
    """The URL without surrounding white space and line breaks, with forward slashes only.

    It also works for relative URLs, such as those of redirects.
    """
    text = url.strip(AROUND).translate(WITHIN)
    end = min((text.find(mark) for mark in "?#" if mark in text), default=len(text))
    return text[:end].replace("\\", "/") + text[end:]


def web_address(url: str) -> str:
    """An http or https URL in ASCII except for its host, and without its fragment.

    Raises:
        ValueError: it is not a valid http or https URL.
    """
    text = url.strip(AROUND)
    scheme = SCHEME.match(text)
    authority = AUTHORITY.match(text, scheme.end()) if scheme else None
    if not scheme or not authority:
        raise ValueError("not an http or https URL")
    rest = text[authority.end() :]
    if rest and rest[0] not in "/\\?#":
        raise ValueError("no valid host")
    before, _, _ = cleaned(rest).partition("#")
    path, question, query = before.partition("?")
    where = _checked(authority[0])
    asked = f"{_encoded(path, IN_PATH)}{question}{_encoded(query, IN_QUERY)}"
    return f"{scheme[1].lower()}://{where}{asked}"


def _checked(authority: str) -> str:
    user, at, place = authority.rpartition("@")
    found = PLACE.fullmatch(place)
    if not found:
        raise ValueError("no valid host")
    host, port = found.groups()
    if port and not 1 <= int(port[:6]) <= MAX_PORT:
        raise ValueError("no valid port")
    return f"{_encoded(user, IN_USER)}{at}{host}{f':{int(port)}' if port else ''}"


def _encoded(text: str, safe: str) -> str:
    """Percent-encode what must be; existing encoding stays, and a lone percent sign becomes %25."""
    if SURROGATE.search(text):
        text = SURROGATE.sub("\ufffd", text)
    return quote(LONE_PERCENT.sub("%25", text), safe)
