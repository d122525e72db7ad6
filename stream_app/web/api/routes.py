"""Which path is answered by what: the application and its OpenAPI document are both made from this table."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from stream_app.web.api import answers, customers, parameters, shops
from stream_app.web.api.context import Context
from stream_app.web.api.shapes import Document

BASE: Final = "/api/v1"
Question = Callable[[Context, Any], Awaitable[Document]]


@dataclass(frozen=True)
class Route:
    """One path.

    Attributes:
        path: below the base.
        asked: its parameters.
        answered: the shape of the answer.
        question: answers it.
        summary: what it is for.
        problems: statuses that it may have besides 200, and those that all have.
    """

    path: str
    asked: type[parameters.Asked]
    answered: type[BaseModel]
    question: Question
    summary: str
    problems: tuple[int, ...] = (404,)


ROUTES: Final = (
    Route("/overview", parameters.OfShop, answers.Overview, shops.overview, "How many customers stand where now."),
    Route("/customers", parameters.Search, answers.Customers, customers.search, "Customers by id and status, page by page."),
    Route(
        "/customer",
        parameters.CustomerInWords,
        answers.Customer,
        customers.customer,
        "One customer: where he stands, why, and what comes next.",
    ),
    Route("/customer/changes", parameters.OlderChanges, answers.CustomerChanges, customers.older, "One customer's changes, newest first."),
    Route(
        "/customer/events", parameters.OfCustomer, answers.CustomerEvents, customers.events, "The event log behind him, from the topics."
    ),
    Route("/customer/status", parameters.AtTime, answers.StatusAtTime, customers.at_time, "His status at a time, as was known at another."),
    Route("/changes", parameters.OfChanges, answers.Changes, shops.find_changes, "Changes of all customers, newest first."),
    Route("/flows", parameters.OfFlows, answers.Flows, shops.flows, "Who went from where to where, per day, week or month."),
    Route("/insights", parameters.OfInsights, answers.Insights, shops.insights, "Churn, win-back, products, concentration."),
    Route("/policy", parameters.OfShop, answers.ShopPolicy, shops.policy, "The policy in force, and its versions."),
)
STREAM: Final = BASE + "/stream"
PREVIEW: Final = BASE + "/events/preview"
DOCUMENT: Final = BASE + "/openapi.json"
