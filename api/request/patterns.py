"""Regular expressions of the OpenAPI document, for strings that the code parses."""

from typing import Any

from pydantic import WithJsonSchema

from common.protocol.messages import MAX_URL_CHARS

# What `data_uris` reads, for the document alone: a regular expression is far slower at it.
GAP = r"[ \t\r\n]*"
DIGIT = rf"[A-Za-z0-9+/_-]{GAP}"
DIGITS = rf"{GAP}(({DIGIT}){{4}})*({DIGIT}){{2,4}}[= \t\r\n]*$"
DATA = r"^[ \t\r\n]{0,9}[dD][aA][tT][aA]:"
IN_BASE64 = rf"([^,]*[;:]{GAP})?[bB][aA][sS][eE]64{GAP},"
BASE64 = rf"^{DIGITS}"
BASE64_URI = rf"{DATA}{IN_BASE64}{DIGITS}"
PERCENT_URI = rf"{DATA}(?!{IN_BASE64})[^,]*,[\s\S]"
DATA_URIS = [{"pattern": BASE64_URI}, {"pattern": PERCENT_URI}]
# As in `common.urls`, without brackets and ports.
NEVER_IN_HOST = r"/\\?#\s\x00-\x20\x7f-\x9f"
WEB_ADDRESS = (
    rf"^[\x00-\x20]*[hH][tT][tT][pP][sS]?://([^{NEVER_IN_HOST}]*@)?"
    rf"[^{NEVER_IN_HOST}%<>^|]+([/\\?#][\s\S]*|[\x00-\x20]*)$"
)
# A string with one hole: on either side of it no brace is followed by its counterpart.
TEMPLATE = r"^([^{]|\{+[^{}])*\{*\{\}([^{]|\{+[^{}])*\{*$"

WEB_ADDRESSES: dict[str, Any] = {"pattern": WEB_ADDRESS, "maxLength": MAX_URL_CHARS}


def documented(**keywords: object) -> WithJsonSchema:
    """A string with its schema in the document; the schema is checked elsewhere."""
    return WithJsonSchema({"type": "string", **keywords})
