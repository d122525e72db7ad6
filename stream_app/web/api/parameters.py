"""What can be asked: the query parameters of every path, checked by pydantic; the OpenAPI document is made from the same models."""

from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from stream_app.codec.envelope import is_customer_id
from stream_app.codec.policy.currencies import CURRENCIES
from stream_app.codec.times import parse_time_ms
from stream_app.domain.facts.state import DIMENSIONS
from stream_app.story.language import Language
from stream_app.story.words import LANGUAGES
from stream_app.web.api.problems import Problem

_SHOP: Final = r"^[A-Za-z0-9._-]{1,128}$"
_TIME_HINT: Final = "a date such as 2026-03-01, or a time such as 2026-03-01T09:15:00Z"
_DATE_LENGTH: Final = 10
_TIME_MIN_MS: Final = 0
_TIME_MAX_MS: Final = 253_402_300_799_999  # the end of year 9999


def _time(value: Any) -> int:
    text = str(value)
    if len(text) == _DATE_LENGTH:
        text += "T00:00:00Z"
    time_ms = parse_time_ms(text.replace(" ", "+"))  # a plus that was not escaped
    if time_ms is None or not _TIME_MIN_MS <= time_ms <= _TIME_MAX_MS:
        raise ValueError(f"not a time from 1970 to 9999; give {_TIME_HINT}")
    return time_ms


def _customer(value: Any) -> str:
    if not isinstance(value, str) or not is_customer_id(value):
        raise ValueError("no customer has such an id; give 1 to 128 characters without control characters")
    return value


def _currency(value: Any) -> str:
    if value not in CURRENCIES:
        raise ValueError("not a currency in use; give its code of ISO 4217, such as EUR")
    return str(value)


def _statuses(value: Any) -> dict[str, list[str | None]]:
    found: dict[str, list[str | None]] = {}
    for text in value:
        name, colon, values = text.partition(":")
        if not colon or not values or name not in DIMENSIONS or name in found:
            raise ValueError(f"give DIMENSION:VALUE, each dimension once, such as lifecycle:active; dimensions are {', '.join(DIMENSIONS)}")
        found[name] = [None if one == "null" else one for one in values.split(",")]
    return found


Shop = Annotated[str | None, Field(None, pattern=_SHOP, description="The shop; may be left out when there is only one.")]
CustomerId = Annotated[
    str,
    BeforeValidator(_customer),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 128, "description": "The customer's id, as his events have it."}),
]
Time = Annotated[
    int | None,
    BeforeValidator(lambda value: None if value is None else _time(value)),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(19[7-9]\d|2\d{3})-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])(T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,3})?Z)?$",
            "description": f"RFC 3339 with an offset, or a date (midnight UTC): {_TIME_HINT}.",
        }
    ),
]
Dimension = Literal["lifecycle", "churn_risk", "class", "segment", "label", "service_level", "contact", "winback", "opportunity"]
Currency = Annotated[str | None, BeforeValidator(_currency), WithJsonSchema({"type": "string", "enum": sorted(CURRENCIES)})]
Cursor = Annotated[str | None, Field(None, pattern=r"^[A-Za-z0-9_-]{1,2000}$", description="`next` of the page before.")]


class Asked(BaseModel):
    """Parameters; one that does not exist is refused, because a misspelled condition would show too much."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class OfShop(Asked):
    """About a shop."""

    shop: Shop = None


class InWords(OfShop):
    """About a shop; changes can be told in words."""

    language: Literal["en", "nl"] | None = Field(None, description="Tell why in this language, too, as `says` beside every proof.")
    currency: Currency = Field(None, description="Of the amounts in `says` (ISO 4217); without it they are minor units, as in a proof.")

    @cached_property
    def words(self) -> Language | None:
        """The language to tell in, if one is asked for."""
        return None if self.language is None else LANGUAGES[self.language].in_currency(self.currency or "")


class OfCustomer(OfShop):
    """About a customer."""

    id: CustomerId


class Search(OfShop):
    """Which customers."""

    search: str = Field("", max_length=128, description="What the id begins with, or has in it.")
    match: Literal["prefix", "substring"] = Field("prefix", description="Where `search` stands in the id.")
    status: Annotated[
        dict[str, list[str | None]],
        BeforeValidator(_statuses),
        WithJsonSchema(
            {
                "type": "array",
                "maxItems": 3,
                "items": {"type": "string", "pattern": "^(lifecycle|class|label):(active|inactive|potential|A|B|C|null)$"},
                "description": "DIMENSION:VALUE, or DIMENSION:VALUE,VALUE for one of several; `null` is no value. All must hold.",
            }
        ),
    ] = Field(default_factory=dict)
    limit: int = Field(50, ge=1, le=200)
    after: Cursor = None


class CustomerInWords(OfCustomer, InWords):
    """About a customer; changes can be told in words."""


class OlderChanges(CustomerInWords):
    """A customer's changes, page by page."""

    before: int | None = Field(None, ge=1, le=2**31 - 1, description="Only changes with a lower sequence.")
    limit: int = Field(100, ge=1, le=500)


class AtTime(OfCustomer):
    """What was his status, as was known when."""

    at: Time = Field(None, description="The time of which the status is asked; now without it.")
    known_at: Time = Field(None, description="What was written later was not known; now without it.")


class OfChanges(InWords):
    """Changes of all customers."""

    dimension: Dimension | None = None
    from_: str | None = Field(None, alias="from", min_length=1, max_length=128, description="The value before; `null` for none.")
    to: str | None = Field(None, min_length=1, max_length=128, description="The value after; `null` for none.")
    since: Time = None
    until: Time = None
    limit: int = Field(50, ge=1, le=200)
    after: Cursor = None


class OfFlows(OfShop):
    """Who went from where to where."""

    dimension: Dimension = "lifecycle"
    period: Literal["day", "week", "month"] = "month"
    since: Time = None
    until: Time = None


class OfInsights(OfShop):
    """The shop's insights."""

    since: str | None = Field(None, pattern=r"^\d{4}-\d{2}$", description="The first month.")
    until: str | None = Field(None, pattern=r"^\d{4}-\d{2}$", description="The last month.")


class OfStream(InWords):
    """Changes as they come."""

    dimension: Dimension | None = None
    after: int | None = Field(None, ge=0, le=2**53 - 1, description="Go on after this number; so does the header Last-Event-ID.")
    per_second: int | None = Field(None, ge=1, le=1_000, description="So many changes a second at most, the newest of them.")


def read_parameters(model: type[Asked], given: Any) -> Any:
    """The parameters of a request.

    Args:
        model: what may be asked.
        given: the query, a multi-dictionary.

    Raises:
        Problem: 400, the first that is wrong.
    """
    values: dict[str, Any] = {}
    for name in given:
        if name == "status" and "status" in model.model_fields:
            values[name] = given.getall(name)
        elif len(given.getall(name)) > 1:
            raise Problem(400, f"{name}: given more than once", field=name, fix="give it once")
        else:
            values[name] = given[name]
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "?"
        if first["type"] == "extra_forbidden":
            known = ", ".join(field.alias or one for one, field in model.model_fields.items()) or "none"
            raise Problem(400, f"{name[:60]}: there is no such parameter", field=name[:60], fix=f"the parameters are: {known}") from None
        said, _, fix = first["msg"].removeprefix("Value error, ").partition("; ")
        field = next((field for one, field in model.model_fields.items() if name in (one, field.alias)), None)
        raise Problem(
            400, f"{name}: {said[:1].lower()}{said[1:]}", field=name, fix=fix or (field and field.description) or "see /api/v1/openapi.json"
        ) from None


def now_ms() -> int:
    """The wall clock."""
    return int(datetime.now(UTC).timestamp() * 1000)
