"""What is told of a request that cannot be answered: problem+json (RFC 9457) that names the field and the fix."""

from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from typing import Any

import msgspec
from aiohttp import web

from stream_app.errors import StreamAppError

CONTENT_TYPE = "application/problem+json"


class Problem(StreamAppError):  # noqa: N818 - the word of RFC 9457
    """A request that cannot be answered; becomes a response, never an exit status."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        field: str | None = None,
        fix: str | None = None,
        retry_after_s: float | None = None,
        allow: str | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field
        self.fix = fix
        self.retry_after_s = retry_after_s
        self.allow = allow
        self.more = more

    def response(self) -> web.Response:
        """The response."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.field is not None:
            document["field"] = self.field
        if self.fix is not None:
            document["fix"] = self.fix
        document |= self.more or {}
        # Whole seconds, and never too few: who comes back then gets in.
        headers = {} if self.retry_after_s is None else {"Retry-After": str(ceil(self.retry_after_s))}
        if self.allow is not None:
            headers["Allow"] = self.allow
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        return web.Response(status=self.status, body=msgspec.json.encode(document), headers=headers, content_type=CONTENT_TYPE)
