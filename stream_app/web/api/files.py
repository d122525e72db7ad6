"""The page's files: read once, sent compressed, with an ETag; nothing outside their directory is ever looked at."""

import gzip
import mimetypes
from hashlib import blake2b
from pathlib import Path
from typing import Final

from aiohttp import web

PAGE: Final = Path(__file__).parents[1] / "page"
_INDEX: Final = "index.html"
_PACKED: Final = frozenset({".html", ".js", ".mjs", ".css", ".svg", ".json", ".txt", ".webmanifest", ".map"})
_TYPES: Final = {".js": "text/javascript", ".mjs": "text/javascript", ".webmanifest": "application/manifest+json", ".woff2": "font/woff2"}


class File:
    """One file, as it is and compressed."""

    def __init__(self, path: Path) -> None:
        self.content = path.read_bytes()
        self.packed = gzip.compress(self.content, 9, mtime=0) if path.suffix in _PACKED else None
        self.etag = blake2b(self.content, digest_size=12).hexdigest()
        kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        self.kind = f"{kind}; charset=utf-8" if kind.startswith("text/") or kind.endswith(("json", "svg+xml")) else kind


class Files:
    """All files of a directory."""

    def __init__(self, directory: Path = PAGE) -> None:
        """Read them."""
        found = (path for path in sorted(directory.rglob("*")) if path.is_file() and path.suffix not in {".py", ".pyc"})
        self._files = {path.relative_to(directory).as_posix(): File(path) for path in found}

    async def index(self, request: web.Request) -> web.Response:
        """The page."""
        return self._send(request, _INDEX)

    async def static(self, request: web.Request) -> web.Response:
        """A file of the page."""
        return self._send(request, request.match_info["name"])

    def _send(self, request: web.Request, name: str) -> web.Response:
        file = self._files.get(name)
        if file is None:
            raise web.HTTPNotFound
        etag = f'"{file.etag}"'
        headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if any(known.value in (file.etag, "*") for known in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        body = file.content
        if file.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
            body, headers["Content-Encoding"] = file.packed, "gzip"
        return web.Response(body=body, headers={**headers, "Content-Type": file.kind})
