"""What breaks whoever relies on a released schema: each kind of change, of what we publish and of what we read."""

import json
from copy import deepcopy
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator

from stream_app import __version__
from stream_app.codec.schemas import SUFFIX, make_schemas
from stream_app.codec.schemas.compatible import breaks
from stream_app.codec.schemas.released import check_promises, promised

ROOT = Path(__file__).parents[3]

Schema = dict[str, Any]
NUMBER, TEXT, NULL = {"type": "integer"}, {"type": "string"}, {"type": "null"}


def event(*required: str, more: bool = False, **properties: Any) -> Schema:
    return {"type": "object", "required": list(required), "properties": properties, **({} if more else {"additionalProperties": False})}


def choice(*options: Schema) -> Schema:
    return {"anyOf": list(options)}


PUBLISHED: list[tuple[Schema, Schema, str]] = [
    (event("a", a=NUMBER, b=TEXT), event("a", a=NUMBER), "b: is gone"),
    (event("a", a=NUMBER), event("z", z=NUMBER), "a: is gone"),
    (event("a", a=NUMBER), event(a=NUMBER), "a: is no longer always there"),
    (event("a", a=NUMBER), event("a", a=TEXT), "a: the type may be string"),
    (event("a", a=NUMBER), event("a", a=choice(NUMBER, NULL)), "a: the type may be null"),
    (event("a", a=NUMBER), event("a", a={"type": ["integer", "null"]}), "a: the type may be null"),
    (event("a", a=NUMBER), event("a", a={"type": "number"}), "a: a number need not be whole"),
    (event("a", a={"enum": ["x"]}), event("a", a={"enum": ["x", "y"]}), 'a: the value "y" is new'),
    (event("a", a={"const": "x"}), event("a", a={"const": "y"}), 'a: the value "y" is new'),
    (event("a", a={"enum": ["x"]}), event("a", a=TEXT), "a: string of any value is new"),
    (event("a", a={"const": 1}), event("a", a={"const": True}), "a: the type may be boolean"),
    (event("a", a={**NUMBER, "minimum": 0}), event("a", a=NUMBER), "a: minimum was 0, and is null"),
    (event("a", a={**NUMBER, "maximum": 9}), event("a", a={**NUMBER, "maximum": 10}), "a: maximum was 9, and is 10"),
    (event("a", a={**TEXT, "pattern": "^a$"}), event("a", a={**TEXT, "pattern": "^b$"}), 'a: pattern was "^a$", and is "^b$"'),
    (event("a", a={"type": "array", "items": NUMBER}), event("a", a={"type": "array", "items": TEXT}), "a[]: the type may be string"),
    (event("a", a=event("b", b=NUMBER)), event("a", a=event(b=NUMBER)), "a.b: is no longer always there"),
    (event("a", a=NUMBER), event("a", more=True, a=NUMBER), "the event: is no longer closed"),
    ({"type": "object", "additionalProperties": NUMBER}, {"type": "object", "additionalProperties": TEXT}, "{}: the type may be string"),
    (
        {"type": "object", "additionalProperties": NUMBER},
        {"type": "object"},
        "{}: the type may be array or boolean or null or object or string",
    ),
    (event(a=TEXT), event(a={**TEXT, "not": NUMBER}), "a: not changed, which is not compared"),
    (
        {"$defs": {"A": event("b", b=NUMBER)}, **event("a", a={"$ref": "#/$defs/A"})},
        {"$defs": {"B": event("b", b=TEXT)}, **event("a", a={"$ref": "#/$defs/B"})},
        "a.b: the type may be string",
    ),
]
READ: list[tuple[Schema, Schema, str]] = [
    (event("a", more=True, a=NUMBER), event("a", "b", more=True, a=NUMBER, b=TEXT), "b: is a new field that must be given"),
    (event(more=True, a=NUMBER), event("a", more=True, a=NUMBER), "a: must be given now"),
    (event(more=True, a=NUMBER), event(more=True), "a: is no longer read"),
    (event(more=True, a=NUMBER), event(more=True, a=TEXT), "a: the type may no longer be number"),
    (event(more=True, a=choice(NUMBER, NULL)), event(more=True, a=NUMBER), "a: the type may no longer be null"),
    (event(more=True, a={"type": "number"}), event(more=True, a=NUMBER), "a: a number must be whole"),
    (event(more=True, a={"enum": ["x", "y"]}), event(more=True, a={"enum": ["x"]}), 'a: the value "y" is not taken any more'),
    (event(more=True, a=TEXT), event(more=True, a={"enum": ["x"]}), "a: string of any value is not taken any more"),
    (event(more=True, a={"enum": ["xx"]}), event(more=True, a={**TEXT, "maxLength": 1}), 'a: the value "xx" is not taken any more'),
    (event(more=True, a={"const": 1}), event(more=True, a={**NUMBER, "exclusiveMinimum": 1}), "a: the value 1 is not taken any more"),
    (event(more=True, a=NUMBER), event(more=True, a={**NUMBER, "minimum": 0}), "a: minimum was null, and is 0"),
    (event(more=True, a={**TEXT, "maxLength": 9}), event(more=True, a={**TEXT, "maxLength": 8}), "a: maxLength was 9, and is 8"),
    (event(more=True, a=TEXT), event(more=True, a={**TEXT, "pattern": "^a$"}), 'a: pattern was null, and is "^a$"'),
    (event(more=True, a=NUMBER), event(a=NUMBER), "the event: takes no unknown fields any more"),
    (
        {"type": "object", "propertyNames": {"maxLength": 9}},
        {"type": "object", "propertyNames": {"maxLength": 8}},
        "{names}: maxLength was 9, and is 8",
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), PUBLISHED)
def test_what_breaks_whoever_reads_what_we_publish(old: Schema, new: Schema, said: str) -> None:
    assert said in breaks(old, new, published=True)
    assert breaks(old, old, published=True) == breaks(new, new, published=True) == []


@pytest.mark.parametrize(("old", "new", "said"), READ)
def test_what_breaks_whoever_writes_what_we_read(old: Schema, new: Schema, said: str) -> None:
    assert said in breaks(old, new, published=False)
    assert breaks(old, old, published=False) == breaks(new, new, published=False) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (event("a", a=NUMBER), event("a", "b", a=NUMBER, b=TEXT)),
        (event("a", a=NUMBER), event("a", a=NUMBER, b=TEXT)),
        (event(a=NUMBER), event("a", a=NUMBER)),
        (event("a", a=choice(NUMBER, NULL)), event("a", a=NUMBER)),
        (event("a", a={"enum": ["x", "y"]}), event("a", a={"enum": ["x"]})),
        (event("a", a=TEXT), event("a", a={**TEXT, "pattern": "^a$"})),
        (event("a", a={**NUMBER, "minimum": 0}), event("a", a={**NUMBER, "minimum": 1})),
    ],
)
def test_what_breaks_nobody(old: Schema, new: Schema) -> None:
    """Of what we publish; and the other way round of what we read, but for a field that is no longer read."""
    assert breaks(old, new, published=True) == []
    assert [line for line in breaks(new, old, published=False) if not line.endswith("unknown fields any more")] in (
        [],
        ["b: is no longer read"],
    )


def test_a_schema_that_refers_to_itself_ends() -> None:
    tree = {"$defs": {"T": event(a={"$ref": "#/$defs/T"})}, "$ref": "#/$defs/T"}
    other = {"$defs": {"T": event(a={"$ref": "#/$defs/T"}, b=NUMBER)}, "$ref": "#/$defs/T"}
    assert breaks(tree, tree, published=True) == []
    assert breaks(other, tree, published=True) == ["a.b: is gone", "b: is gone"]


def released(folder: Path, version: str, **changed: Any) -> None:
    (folder / "released" / version).mkdir(parents=True)
    for name, schema in (make_schemas() | changed).items():
        (folder / "released" / version / name).write_text(json.dumps(schema))


def test_what_is_released_here_is_kept() -> None:
    assert promised(ROOT / "schemas") == ROOT / "schemas" / "released" / __version__
    assert check_promises(ROOT / "schemas") == []


def test_each_kind_is_found_in_our_own_schemas(tmp_path: Path) -> None:
    name = f"status.changed{SUFFIX}"
    old = deepcopy(make_schemas()[name])
    old["properties"]["data"]["properties"]["mood"] = TEXT
    placed = deepcopy(make_schemas()[f"order.placed{SUFFIX}"])
    placed["properties"]["data"]["properties"]["colour"] = TEXT
    released(tmp_path, __version__, **{name: old, f"order.placed{SUFFIX}": placed, f"order.lost{SUFFIX}": event()})
    assert check_promises(tmp_path) == [
        "order.lost: is gone",
        "order.placed: data.colour: is no longer read",
        "status.changed: data.mood: is gone",
    ]


def test_the_newest_release_of_the_same_promises_counts(tmp_path: Path) -> None:
    for version in ("0.9.0", "1.2.0", "1.10.0", "2.0.0"):
        released(tmp_path, version, **{f"order.lost{SUFFIX}": event()})
    assert promised(tmp_path, "1.11.0") == tmp_path / "released" / "1.10.0"
    assert promised(tmp_path, "0.9.3") == tmp_path / "released" / "0.9.0"
    assert promised(tmp_path, "0.10.0") is None
    assert check_promises(tmp_path, "3.0.0") == []
    assert check_promises(tmp_path, "2.5.0") == ["order.lost: is gone"]


@pytest.mark.parametrize("name", sorted(make_schemas()))
def test_a_value_that_goes_is_found_in_every_schema(name: str) -> None:
    """What is taken out anywhere at the first level of `data` is noticed, in both directions."""
    schema = make_schemas()[name]
    inside = schema["properties"].get("data", schema) if name != f"policy{SUFFIX}" else schema
    inside = inside if inside.get("properties") else schema
    field = min(inside["properties"])
    path = ("data." if inside is not schema else "") + field
    without = deepcopy(schema)
    (without["properties"]["data"] if inside is not schema else without)["properties"].pop(field)
    assert f"{path}: is gone" in breaks(schema, without, published=True)
    assert f"{path}: is no longer read" in breaks(schema, without, published=False)


def test_the_asyncapi_document_is_one() -> None:
    meta = json.loads((ROOT / "tests" / "contract" / "asyncapi-3.0.0.schema.json").read_text())
    document = json.loads((ROOT / "schemas" / "asyncapi.json").read_text())
    Draft7Validator(meta).validate(document)
    broken = deepcopy(document)
    next(iter(broken["operations"].values()))["action"] = "shout"
    assert not Draft7Validator(meta).is_valid(broken)
    for schema in make_schemas().values():
        Draft202012Validator.check_schema(schema)


VALUES: list[Any] = [None, True, 0, 1, 2, 5, 1.5, "", "a", "bb", "ccc", [], [1], ["bb"]]
BOUNDS = {
    "minimum": st.integers(0, 2),
    "maximum": st.integers(1, 5),
    "exclusiveMinimum": st.integers(0, 2),
    "minLength": st.integers(0, 2),
    "maxLength": st.integers(0, 3),
    "pattern": st.sampled_from(["^a", "b"]),
    "minItems": st.integers(0, 1),
}
KINDS = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
PLAIN = st.one_of(
    st.fixed_dictionaries({"type": st.one_of(KINDS, st.lists(KINDS, min_size=1, max_size=2, unique=True))}, optional=BOUNDS),
    st.fixed_dictionaries({"enum": st.lists(st.sampled_from([None, True, 1, 2, "a", "bb"]), min_size=1, max_size=3, unique=True)}),
    st.fixed_dictionaries({"const": st.sampled_from([None, False, 1, "a"])}),
    st.just({"type": "array", "items": {"type": "string", "minLength": 2}}),
    st.just({"type": "array", "items": {"type": ["string", "integer"]}}),
)
BOUNDED = st.fixed_dictionaries({"type": st.sampled_from(["integer", "string", "array"])}, optional=BOUNDS)
EVENTS = [dict(zip("ab", pair, strict=True)) for pair in product(VALUES, VALUES)] + [{name: value} for name in "ab" for value in VALUES]
PARTS = st.one_of(PLAIN, st.lists(PLAIN, min_size=1, max_size=3).map(lambda options: {"anyOf": options}))


@st.composite
def versions(draw: st.DrawFn) -> tuple[Schema, Schema]:
    """A schema, and the same with one thing changed."""
    properties = draw(st.dictionaries(st.sampled_from("ab"), PARTS, min_size=1, max_size=2))
    required = draw(st.lists(st.sampled_from(sorted(properties)), unique=True))
    more = draw(st.booleans())
    changed = {**properties, draw(st.sampled_from("ab")): draw(st.one_of(PARTS, BOUNDED))}
    match draw(st.sampled_from(["property", "required", "more", "fewer"])):
        case "property":
            return event(*required, more=more, **properties), event(*required, more=more, **changed)
        case "required":
            now = draw(st.lists(st.sampled_from(sorted(properties)), unique=True))
            return event(*required, more=more, **properties), event(*now, more=more, **properties)
        case "more":
            return event(*required, more=more, **properties), event(*required, more=not more, **changed)
        case _:
            return event(*required, more=more, **changed), event(*required, more=more, **properties)


def test_what_is_said_to_break_nobody_lets_every_value_through() -> None:
    """By an independent validator, for events of two fields; but for fields that the other side has never heard of."""
    quiet = {True: 0, False: 0}

    @given(versions())
    @settings(max_examples=250, deadline=None, derandomize=True, database=None)
    def play(pair: tuple[Schema, Schema]) -> None:
        old, new = pair
        before, after = Draft202012Validator(old), Draft202012Validator(new)
        for published in (True, False):
            if old == new or breaks(old, new, published=published):
                continue
            quiet[published] += 1
            for one in EVENTS:
                if published and after.is_valid(one):
                    before.validate({name: value for name, value in one.items() if name in old["properties"]})
                if not published and one.keys() <= old["properties"].keys() and before.is_valid(one):
                    after.validate(one)

    play()
    assert min(quiet.values()) > 20, "changes that break nobody were among them"
