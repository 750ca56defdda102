"""Run by the Python of roc-validator: put the context of RO-Crate 1.1 where its offline mode reads it.

The context comes from rocrate, which ships that of RO-Crate 1.3, with the four addresses that 1.1 writes otherwise.
"""

import io
import json
import sys
from pathlib import Path
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests_cache import CachedSession
from urllib3 import HTTPResponse

OTHERWISE = {
    "ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow",
    "FormalParameter": "https://bioschemas.org/FormalParameter",
    "input": "https://bioschemas.org/ComputationalWorkflow#input",
    "output": "https://bioschemas.org/ComputationalWorkflow#output",
}
NOT_YET = ("sha256",)


class Shipped(HTTPAdapter):
    """Answers every request with the context, without a network."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.content = content

    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:
        headers = {"Content-Type": "application/ld+json"}
        raw = HTTPResponse(io.BytesIO(self.content), headers, 200, preload_content=False, request_url=request.url)
        return self.build_response(request, raw)


shipped, cache = map(Path, sys.argv[1:])
terms = json.loads(shipped.read_text(encoding="utf-8"))["@context"] | OTHERWISE
for term in NOT_YET:
    del terms[term]
session = CachedSession(str(cache), allowable_methods=("GET",), expire_after=-1)
session.mount("https://", Shipped(json.dumps({"@context": terms}).encode()))
session.get("https://w3id.org/ro/crate/1.1/context", headers={"Accept": "application/ld+json, application/json"})
