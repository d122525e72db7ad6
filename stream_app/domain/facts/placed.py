"""An order as the facts take it in. It is made per event and never decoded into, so that it can be a class of the compiled rules."""

from dataclasses import dataclass


@dataclass(init=False)
class OrderPlaced:
    """`order.placed`; money in minor units.

    Of the lines only the different categories are kept, None for a line without one: a category maps to a product group.
    """

    order_id: str
    currency: str
    total_minor: int
    discount_minor: int
    cost_minor: int | None
    categories: tuple[str | None, ...]

    def __init__(
        self,
        order_id: str,
        currency: str,
        total_minor: int,
        discount_minor: int = 0,
        cost_minor: int | None = None,
        categories: tuple[str | None, ...] = (),
    ) -> None:
        self.order_id = order_id
        self.currency = currency
        self.total_minor = total_minor
        self.discount_minor = discount_minor
        self.cost_minor = cost_minor
        self.categories = categories
