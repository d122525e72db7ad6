"""The mapping: which rows are which events, and which column is what. YAML; an unknown field is an error."""

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from stream_app.codec.policy.currencies import CURRENCIES
from stream_app.codec.policy.zones import check_zone
from stream_app.domain.events import EVENT_TYPES
from stream_app.errors import Failure

_MAPPINGS = files(__package__).joinpath("mappings")


class Section(BaseModel):
    """A part of the mapping."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_value(given: object) -> object:
    """A bare name is a column."""
    return {"column": given} if isinstance(given, str) else given


class Column(Section):
    """Where a value comes from: the first of `column` that holds something, a `template`, or one `value` for all rows."""

    column: str | list[str] | None = None
    template: str | None = None
    """Text with columns in braces: `order-{Name}`; nothing if one of them is empty."""
    value: Any = None
    default: Any = None
    """Where the columns are empty."""
    words: dict[str, Any] | None = None
    """What a word of the shop means here; a word that is not named is an error."""
    times: str | None = None
    """Another column to multiply with: a price times a quantity."""
    unit: Literal["minor", "seconds", "milliseconds", "microseconds"] | None = None
    """Of money: already in minor units. Of a time: a number that counts since 1970."""
    is_lowered: Annotated[bool, Field(alias="lower")] = False
    """Small letters, so that one e-mail address is one customer."""
    is_absolute: Annotated[bool, Field(alias="absolute")] = False
    """Without its sign: some shops write refunds as negative amounts."""

    @model_validator(mode="after")
    def _has_one_source(self) -> "Column":
        if sum(given is not None for given in (self.column, self.template, self.value)) != 1:
            raise ValueError("needs one of column, template and value")
        return self

    def columns(self) -> list[str]:
        """Its columns in the order in which they are looked into."""
        return [self.column] if isinstance(self.column, str) else self.column or []


Value = Annotated[Column, BeforeValidator(_as_value)]


class Lines(Section):
    """The lines of an order: the entries of a JSON list (`each`), or without it the rows that `group_by` takes together."""

    each: str | None = None
    sku: Value
    category: Value | None = None
    quantity: Value = Column(value=1)
    """A line of 0 is left out; parts of a piece count as one."""
    total_minor: Value


class Test(Section):
    """What a column must hold for a rule to apply."""

    any_of: Annotated[list[str] | None, Field(alias="in")] = None
    none_of: Annotated[list[str] | None, Field(alias="not_in")] = None
    present: bool | None = None
    at_least: float | None = None
    """It holds a number, and none below this."""


def _as_test(given: object) -> object:
    if isinstance(given, dict):
        return given
    return {"in": [str(one) for one in given]} if isinstance(given, list) else {"in": [str(given)]}


def _as_cases(given: object) -> object:
    return [given] if isinstance(given, dict) else given


Cases = Annotated[list[dict[str, Annotated[Test, BeforeValidator(_as_test)]]], Field(min_length=1), BeforeValidator(_as_cases)]


def _check_type(name: str) -> str:
    if name not in EVENT_TYPES or name == "watermark":
        raise ValueError("must be one of " + ", ".join(sorted(set(EVENT_TYPES) - {"watermark"})))
    return name


class Rule(Section):
    """One kind of event. A row may make several events, one for each rule that applies."""

    type: Annotated[str, BeforeValidator(_check_type)]
    where: Cases = [{}]
    """Tests that must all hold; of several such sets in a list, one."""
    group_by: str | list[str] | None = None
    """Successive rows with the same value here (in all of these) are one event; its fields come from the first of them."""
    each: str | None = None
    """A JSON list in the row: one event for each entry, whose own fields come first."""
    id: Value
    """Must be the same whenever the same row is read again, so that nothing counts twice."""
    subject: Value
    time: Value
    data: dict[str, Value] = {}
    lines: Lines | None = None
    """Where there is no `total_minor` in `data`, the lines' sum is the order's total; with neither, the order is refused."""


def _check_currency(code: str) -> str:
    if code not in CURRENCIES:
        raise ValueError("must be a code of ISO 4217, such as EUR")
    return code


class Mapping(Section):
    """How one export of a shop is read."""

    shop: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")]
    currency: Annotated[str, BeforeValidator(_check_currency)] | None = None
    """For orders whose rule names no column for it."""
    time_zone: Annotated[str, BeforeValidator(check_zone)] = "UTC"
    """Of times that name no offset."""
    time_format: str | None = None
    """Of `strptime`; without it ISO 8601."""
    decimal_comma: bool = False
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    events: Annotated[list[Rule], Field(min_length=1)]


def ready_mappings() -> list[str]:
    """The names of the mappings that come along."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _MAPPINGS.iterdir() if entry.name.endswith(".yaml"))


def load_mapping(name: str, shop: str | None = None, time_zone: str | None = None) -> Mapping:
    """A file, or a ready mapping by its name.

    Args:
        name: of a file, or one of `ready_mappings()`.
        shop: instead of the mapping's own; a ready mapping has none.
        time_zone: instead of the mapping's own.

    Raises:
        Failure: there is no such mapping, or it cannot be used; each line names the field and what it needs.
    """
    try:
        text = _MAPPINGS.joinpath(f"{name}.yaml").read_text("utf-8") if name in ready_mappings() else Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        ready = ", ".join(ready_mappings())
        raise Failure(f"{name}: no mapping; give a YAML file, or one of {ready} ({type(error).__name__})") from None
    return read_mapping(name, text, shop, time_zone)


def read_mapping(name: str, text: str, shop: str | None = None, time_zone: str | None = None) -> Mapping:
    """The mapping that a YAML text holds; `name` is what complaints call it, the rest as for `load_mapping`.

    Raises:
        Failure: it cannot be used; each line names the field and what it needs.
    """
    try:
        given = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, AttributeError, RecursionError) as error:  # PyYAML lets them through: 2026-02-30
        raise Failure(f"{name}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(given, dict):
        raise Failure(f"{name}: a mapping has fields: shop, events, and more")
    given |= {key: value for key, value in (("shop", shop), ("time_zone", time_zone)) if value is not None}
    if "shop" not in given:
        raise Failure(f"{name}: names no shop; give --shop")
    try:
        return Mapping.model_validate(given)
    except ValidationError as error:
        raise Failure("\n".join(_complaints(name, error))) from None


def _complaints(name: str, error: ValidationError) -> Iterable[str]:
    for detail in error.errors():
        place = ".".join(str(part) for part in detail["loc"])
        yield f"{name}: {place}: {detail['msg'].removeprefix('Value error, ')}"
