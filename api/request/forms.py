"""From a multipart form to the equivalent JSON body: what `curl -F` sends, without base64.

The body contains the images as bytes. It is validated like any JSON body, with the same pointers
and error codes.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeAlias

import orjson
from flask import Request

from api.errors import InvalidRequest, ItemFault, NotJson, UnsupportedMediaType
from api.request.body import BOM, JsonBody, check_tokens, has_key, parse_json, read_json
from api.request.multipart import MULTIPART, Part, read_parts
from api.request.validation import pointer_to

ARRAYS = ("queries", "candidates", "items", "templates")
NUMBERS = ("top_k", "temperature")
FLAGS = ("allow_partial",)
BOOLEANS = dict.fromkeys(("true", "on", "1", "yes"), True) | dict.fromkeys(
    ("false", "off", "0", "no"), False
)
WORDS = ("template", "activation", "label_set", "model", "alpha", "callback_url")
SINGLE = (*NUMBERS, *FLAGS, *WORDS, "metadata")
RANK_FIELDS = ("image", "queries", "candidate", "candidates", "templates", *SINGLE)
ENCODE_FIELDS = ("items", "image", "text", "alpha", "metadata")
MAX_SINGLE_FIELDS = len(ARRAYS) + len(SINGLE)


class Fields:
    """The fields of a form by name, and their faults."""

    def __init__(self, parts: Sequence[Part], max_items: int) -> None:
        self.faults: list[ItemFault] = []
        self._max_items = max_items
        self._parts: dict[str, list[Part]] = {}
        for part in parts:
            self._parts.setdefault(part.name, []).append(part)

    def __contains__(self, name: str) -> bool:
        return name in self._parts

    def check_known(self, known: Sequence[str]) -> None:
        """Raise InvalidRequest for unknown fields, and for repeated ones that may not repeat."""
        detail = f"is not a known field; known fields: {', '.join(known)}"
        self.faults += [
            ItemFault(pointer_to([name]), "unknown_key", detail)
            for name in self._parts
            if name not in known
        ]
        self.faults += [
            ItemFault(pointer_to([name]), "repeated_field", "is given more than once")
            for name in SINGLE
            if len(self._parts.get(name, ())) > 1
        ]
        self.check()

    def check(self) -> None:
        if self.faults:
            raise InvalidRequest(self.faults)

    def text(self, name: str) -> str:
        return self._decoded(self._parts[name][0], f"/{name}")

    def array(self, name: str) -> object:
        """The JSON in a field; the arrays of a repeated field are joined."""
        parts = self._parts[name]
        if len(parts) == 1:
            return self._json(parts[0])
        check_tokens(b",".join(part.content for part in parts), self._max_items)
        return _joined([self._json(part) for part in parts])

    def json(self, name: str) -> object:
        return self._json(self._parts[name][0])

    def texts(self, name: str) -> object:
        """An array of texts; each field is JSON, or a single text."""
        values = []
        for part in self._parts[name]:
            is_array = part.content.removeprefix(BOM).lstrip().startswith(b"[")
            values.append(self._json(part) if is_array else [self._decoded(part, f"/{name}")])
        return _joined(values)

    def number(self, name: str) -> object:
        """The JSON in a field, or else its text, which validation refuses as the wrong type."""
        try:
            return parse_json(self._parts[name][0].content, self._max_items)
        except NotJson:
            return self.text(name)

    def boolean(self, name: str) -> object:
        """The boolean in a field, or else its text, which validation refuses as the wrong type."""
        text = self.text(name)
        return BOOLEANS.get(text.strip().lower(), text)

    def items(self, array: str, pointer: str, *repeated: str) -> object:
        """The items of a list in the body: those given as JSON, then those of repeated fields."""
        items = self.array(array) if array in self else []
        if not isinstance(items, list):
            return items  # validation refuses it as the wrong type
        for name in repeated:
            for part in self._parts.get(name, ()):
                where = f"{pointer}/{len(items)}"
                items.append(
                    self._image(part, where) if name == "image" else self._text(part, where)
                )
        return items

    def _json(self, part: Part) -> object:
        try:
            return parse_json(part.content, self._max_items)
        except NotJson as error:
            detail = f"is not JSON: {error.detail}"
            self.faults.append(ItemFault(f"/{part.name}", "not_json", detail))
            return []

    def _image(self, part: Part, pointer: str) -> dict[str, object]:
        if not part.is_file:
            detail = "is a text instead of a file: with curl, use image=@FILE"
            self.faults.append(ItemFault(f"{pointer}/img_blob", "not_a_file", detail))
        return {"img_blob": part.content}

    def _text(self, part: Part, pointer: str) -> dict[str, object]:
        return {"text": self._decoded(part, f"{pointer}/text")}

    def _decoded(self, part: Part, pointer: str) -> str:
        try:
            return part.content.decode("utf-8-sig")
        except UnicodeDecodeError:
            self.faults.append(ItemFault(pointer, "not_text", "is not UTF-8 text"))
            return ""


ReadFields: TypeAlias = Callable[[Fields], object]


def read_json_or_form(
    request: Request, of_form: ReadFields, *, max_bytes: int, max_items: int
) -> JsonBody:
    """The JSON of a request, or the equivalent of its form.

    Raises:
        BrokenForm, BodyTooLarge: see api.request.multipart.read_parts.
        InvalidRequest: the form has unknown or unreadable fields.
        ClipError: see api.request.body.read_json.
    """
    if request.mimetype != MULTIPART:
        if not request.is_json:
            raise UnsupportedMediaType(f"the body must be application/json or {MULTIPART}")
        return read_json(request, max_bytes=max_bytes, max_items=max_items)
    parts = read_parts(request, max_bytes=max_bytes, max_parts=max_items + MAX_SINGLE_FIELDS)
    sha256 = _fingerprint(parts) if has_key(request) else ""
    fields = Fields(parts, max_items)
    value = of_form(fields)
    fields.check()
    return JsonBody(value, sha256)


def rank_body(fields: Fields) -> object:
    """The body of a form for POST /rank: each `image` is a query, each `candidate` a text."""
    fields.check_known(RANK_FIELDS)
    body: dict[str, object] = {name: fields.text(name) for name in WORDS if name in fields}
    body |= {name: fields.number(name) for name in NUMBERS if name in fields}
    body |= {name: fields.boolean(name) for name in FLAGS if name in fields}
    if "metadata" in fields:
        body["metadata"] = fields.json("metadata")
    if "templates" in fields:
        body["templates"] = fields.texts("templates")
    if "queries" in fields or "image" in fields:
        body["queries"] = fields.items("queries", "/queries", "image")
    if "candidates" in fields or "candidate" in fields:
        candidates = fields.items("candidates", "/candidates", "candidate")
        body["candidates"] = _with_texts(candidates)
    return body


def encode_body(fields: Fields, options: dict[str, object]) -> object:
    """The body of a form for POST /encode: `items`, then each `image`, then each `text`.

    The JSON body is a list without options, so those of a form are put into `options`.
    """
    fields.check_known(ENCODE_FIELDS)
    if "alpha" in fields:
        options["alpha"] = fields.text("alpha")
    if "metadata" in fields:
        options["metadata"] = fields.json("metadata")
    return fields.items("items", "", "image", "text")


def _joined(values: Sequence[object]) -> object:
    """Several arrays as one, or else the first other value, which validation refuses."""
    joined: list[object] = []
    for value in values:
        if not isinstance(value, list):
            return value
        joined += value
    return joined


def _with_texts(candidates: object) -> object:
    """The candidates, each plain string as a text item."""
    if not isinstance(candidates, list):
        return candidates
    return [{"text": each} if isinstance(each, str) else each for each in candidates]


def _fingerprint(parts: Sequence[Part]) -> str:
    """A digest of the content only, because the boundary of a form is random."""
    digests = [[part.name, hashlib.sha256(part.content).hexdigest()] for part in parts]
    return hashlib.sha256(orjson.dumps(["form", *digests])).hexdigest()
