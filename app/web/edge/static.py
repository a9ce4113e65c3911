"""Static files: read once, named by their hash, compressed once, cached by the browser for good."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from fastapi import FastAPI, Request
from starlette.responses import Response

from app.core.errors import NotThere

FOLDER = Path(__file__).parents[3] / "static"
FOREVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
_SERVED = {".css", ".js", ".svg", ".woff2"}
_PACKED = {".css", ".js", ".svg"}


@dataclass(frozen=True)
class Asset:
    """One static file in memory."""

    name: str
    content: bytes

    @cached_property
    def digest(self) -> str:
        """The first twelve hex digits of the content's sha256."""
        return hashlib.sha256(self.content).hexdigest()[:12]

    @cached_property
    def packed(self) -> bytes | None:
        """The gzipped content, for text; None for what is compressed already."""
        return gzip.compress(self.content, 9, mtime=0) if Path(self.name).suffix in _PACKED else None

    @cached_property
    def media_type(self) -> str:
        """The media type by the name's ending."""
        return mimetypes.types_map.get(Path(self.name).suffix, "font/woff2")


@lru_cache(maxsize=1)
def assets() -> dict[str, Asset]:
    """Read the folder; only names in this table are ever served, whatever path is asked for."""
    found = (path for path in sorted(FOLDER.rglob("*")) if path.suffix in _SERVED)
    return {name: Asset(name, path.read_bytes()) for path in found for name in [path.relative_to(FOLDER).as_posix()]}


def url(name: str) -> str:
    """Return the address of a static file; it changes with the content, so that caches never go stale."""
    return f"/static/{name}?v={assets()[name].digest}"


def serve(request: Request) -> Response:
    """Answer one static file, packed where the client takes that."""
    asset = assets().get(request.path_params["name"])
    if asset is None:
        raise NotThere(f"there is no static file {request.path_params['name']!r}")
    fixed = request.query_params.get("v") == asset.digest
    headers = {"Cache-Control": FOREVER if fixed else ASK_AGAIN, "ETag": f'"{asset.digest}"', "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if asset.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, media_type=asset.media_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(asset.content, media_type=asset.media_type, headers=headers)


def mount(app: FastAPI) -> None:
    """Serve the folder below /static, and the icon where browsers ask for it unbidden."""
    app.add_route("/static/{name:path}", serve, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_route("/favicon.ico", _icon, methods=["GET", "HEAD"], include_in_schema=False)


def _icon(_request: Request) -> Response:
    return Response(assets()["icon.svg"].content, media_type="image/svg+xml", headers={"Cache-Control": ASK_AGAIN})
