"""What changed between two versions of a schema that breaks somebody: one question, asked in both directions.

Is every value that `sub` lets through let through by `sup`? What we publish must be readable by who holds the last released schema:
new is `sub`, old is `sup`. What we read may still be sent by who holds it: old is `sub`, new is `sup`. Fields that are added to what we
publish break nobody, since a reader ignores what it does not know; a field that is no longer there does.

What cannot be proved is a complaint, too: another pattern, or a keyword that nobody has thought of here.
"""

import json
import re
from typing import Any, Final

Schema = dict[str, Any]

_ANNOTATIONS: Final = frozenset({"$schema", "$id", "$defs", "title", "description", "default", "examples", "discriminator"})
_LEAST: Final = {"minimum": "number", "exclusiveMinimum": "number", "minLength": "string", "minItems": "array", "minProperties": "object"}
_MOST: Final = {"maximum": "number", "exclusiveMaximum": "number", "maxLength": "string", "maxItems": "array", "maxProperties": "object"}
_SAME: Final = {"pattern": "string", "format": "string", "contentEncoding": "string", "multipleOf": "number", "uniqueItems": "array"}
_OBJECT: Final = frozenset({"properties", "required", "additionalProperties", "propertyNames"})
_KNOWN: Final = {*_ANNOTATIONS, *_LEAST, *_MOST, *_SAME, *_OBJECT, "type", "enum", "const", "anyOf", "oneOf", "$ref", "items"}
_ALL: Final = frozenset({"null", "boolean", "number", "string", "array", "object"})
_TYPES: Final = ((type(None), "null"), (bool, "boolean"), (int | float, "number"), (str, "string"), (list, "array"), (dict, "object"))


def breaks(old: Schema, new: Schema, *, published: bool) -> list[str]:
    """What breaks, one line each: where, and what.

    Args:
        old: the last released schema.
        new: the present one.
        published: whether it is of what we publish; else of what we read.
    """
    check = _Check(new, old, published=True) if published else _Check(old, new, published=False)
    check.compare(check.sub, check.sup, "")
    return list(dict.fromkeys(check.found))


class _Check:
    """One comparison; `sub` and `sup` are the roots, which references are looked up in."""

    def __init__(self, sub: Schema, sup: Schema, *, published: bool) -> None:
        self.sub = sub
        self.sup = sup
        self.found: list[str] = []
        self._published = published
        self._open: set[tuple[str, str]] = set()

    def compare(self, sub: Schema, sup: Schema, at: str) -> None:
        """Note what `sub` lets through and `sup` does not."""
        pair = (json.dumps(sub, sort_keys=True), json.dumps(sup, sort_keys=True))
        if pair in self._open:  # a schema that refers to itself: it is being looked at already
            return
        self._open.add(pair)
        try:
            self._compare(_plain(sub, self.sub), _plain(sup, self.sup), at)
        finally:
            self._open.discard(pair)

    def _compare(self, sub: Schema, sup: Schema, at: str) -> None:
        if (choices := _choices(sub)) is not None:
            for choice in choices:
                self.compare(choice, sup, at)
        elif (options := _choices(sup)) is not None:
            self._one_of(sub, options, at)
        else:
            self._values(sub, sup, at)

    def _one_of(self, sub: Schema, options: list[Schema], at: str) -> None:
        """One option is enough; if none is, the complaint is that of the nearest."""
        found, nearest = self.found, None
        for option in options:
            self.found = []
            self.compare(sub, option, at)
            if not self.found:
                self.found = found
                return
            if nearest is None or len(self.found) < len(nearest):
                nearest = self.found
        self.found = [*found, *(nearest or ())]

    def _values(self, sub: Schema, sup: Schema, at: str) -> None:
        for keyword in sorted((sub.keys() | sup.keys()) - _KNOWN):
            if sub.get(keyword) != sup.get(keyword):
                self._say(at, f"{keyword} changed, which is not compared")
        kinds, allowed = _kinds(sub), _kinds(sup)
        if more := sorted(kinds - allowed):
            self._say(at, f"the type {self._grew('may be', 'may no longer be')} {' or '.join(more)}")
            return
        if kinds >= {"number"} and _whole(sup) and not _whole(sub):
            self._say(at, f"a number {self._grew('need not be', 'must be')} whole")
        self._finite(sub, sup, at)
        self._bounds(sub, sup, kinds, at)
        if "object" in kinds:
            self._objects(sub, sup, at)
        if "array" in kinds and isinstance(sup.get("items"), dict):
            self.compare(sub.get("items", {}), sup["items"], f"{at}[]")

    def _finite(self, sub: Schema, sup: Schema, at: str) -> None:
        wanted = _listed(sup)
        if wanted is None:
            return
        given = _listed(sub)
        if given is None:
            if kinds := _kinds(sub) - {"null"}:
                self._say(at, f"{' or '.join(sorted(kinds))} of any value {self._grew('is new', 'is not taken any more')}")
            return
        for value in given:
            if not any(value == other and type(value) is type(other) for other in wanted):
                self._say(at, f"the value {json.dumps(value)} {self._grew('is new', 'is not taken any more')}")

    def _bounds(self, sub: Schema, sup: Schema, kinds: frozenset[str], at: str) -> None:
        if (values := _listed(sub)) is not None:
            for value in values:
                if not _within(value, sup):
                    self._say(at, f"the value {json.dumps(value)} {self._grew('is new', 'is not taken any more')}")
            return
        for keyword, kind in (_LEAST | _MOST | _SAME).items():
            if kind not in kinds or keyword not in sup:
                continue
            have, want = sub.get(keyword), sup[keyword]
            if keyword in _SAME:
                good = have == want
            elif have is None:
                good = keyword in _LEAST and want == 0 and not keyword.endswith("imum")
            else:
                good = have >= want if keyword in _LEAST else have <= want
            if not good:
                self._say(at, f"{keyword} {self._old(have, want)}")

    def _objects(self, sub: Schema, sup: Schema, at: str) -> None:
        have, want = sub.get("properties", {}), sup.get("properties", {})
        for name in sorted(set(sup.get("required", ())) - set(sub.get("required", ()))):
            if name in have:
                self._say(f"{at}.{name}", self._grew("is no longer always there", "must be given now"))
            elif not self._published:
                self._say(f"{at}.{name}", "is a new field that must be given")
        for name in sorted(have.keys() & want.keys()):
            self.compare(have[name], want[name], f"{at}.{name}")
        for name in sorted((want.keys() - have.keys()) if self._published else (have.keys() - want.keys())):
            self._say(f"{at}.{name}", self._grew("is gone", "is no longer read"))
        self._others(sub.get("additionalProperties", True), sup.get("additionalProperties", True), at)
        if isinstance(sup.get("propertyNames"), dict):
            self.compare({"type": "string", **sub.get("propertyNames", {})}, {"type": "string", **sup["propertyNames"]}, f"{at}{{names}}")

    def _others(self, have: Schema | bool, want: Schema | bool, at: str) -> None:
        if have is False or want is True:
            return
        if want is False:
            self._say(at, self._grew("is no longer closed", "takes no unknown fields any more"))
        else:
            self.compare({} if have is True else have, want, f"{at}{{}}")

    def _grew(self, published: str, read: str) -> str:
        return published if self._published else read

    def _old(self, sub: Any, sup: Any) -> str:
        old, new = (sup, sub) if self._published else (sub, sup)
        return f"was {json.dumps(old)}, and is {json.dumps(new)}"

    def _say(self, at: str, what: str) -> None:
        self.found.append(f"{at.removeprefix('.') or 'the event'}: {what}")


def _plain(schema: Schema, root: Schema) -> Schema:
    """The schema with its reference replaced by what it refers to."""
    while "$ref" in schema:
        found: Any = root
        for name in schema["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        schema = {**found, **{name: value for name, value in schema.items() if name != "$ref"}}
    return schema


def _choices(schema: Schema) -> list[Schema] | None:
    """What a schema is one of, each with what holds for all."""
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            rest = {name: value for name, value in schema.items() if name != keyword}
            return [{**rest, **choice} for choice in schema[keyword]]
    types = schema.get("type")
    return [{**schema, "type": kind} for kind in types] if isinstance(types, list) else None


def _listed(schema: Schema) -> list[Any] | None:
    """The values that a schema lets through, if it names them."""
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _kinds(schema: Schema) -> frozenset[str]:
    """The types that it lets through; whole numbers are numbers here."""
    if (values := _listed(schema)) is not None:
        return frozenset(next(name for kind, name in _TYPES if isinstance(value, kind)) for value in values)
    kind = schema.get("type")
    return _ALL if kind is None else frozenset({"number" if kind == "integer" else kind})


def _within(value: Any, schema: Schema) -> bool:
    """Whether a value is within a schema's bounds; its type was looked at."""
    if isinstance(value, str):
        fits = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
        return fits and re.search(schema.get("pattern", ""), value) is not None
    if isinstance(value, int | float) and not isinstance(value, bool):
        within = schema.get("minimum", value) <= value <= schema.get("maximum", value)
        return bool(within and schema.get("exclusiveMinimum", value - 1) < value < schema.get("exclusiveMaximum", value + 1))
    return True


def _whole(schema: Schema) -> bool:
    values = _listed(schema)
    return schema.get("type") == "integer" if values is None else all(isinstance(value, int) for value in values)
