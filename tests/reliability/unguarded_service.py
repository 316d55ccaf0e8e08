"""The service on uvicorn's own protocol, which takes all that comes: what the overload test must notice."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from opportune.cli import main
from opportune.service.http import server


def _stock(admission: Any, application: Any, *arguments: Any, **named: Any) -> HttpToolsProtocol:
    return HttpToolsProtocol(*arguments, **named)


server.BoundedProtocol = _stock  # type: ignore[assignment, misc]

if __name__ == "__main__":
    main()
