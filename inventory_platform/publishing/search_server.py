"""Talking to Elasticsearch or OpenSearch: the few requests both understand alike.

Plain HTTP by the platform's one client, which keeps to the host, waits after 429 and 5xx and
hides secrets. The official clients are left: each refuses the other's servers, brings a
transport of its own, and offers nothing more for these requests. What is sent is `search.py`'s.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from inventory_platform.errors import DestinationUnavailableError, PublishError, SourceError
from inventory_platform.sources.http import HttpClient, HttpLimits, HttpStatusError, Response

_BATCH_BYTES = 5 * 1024 * 1024
_BATCH_DOCUMENTS = 2000
_AGAIN = {429, 503}
"""Statuses of a single document that may be taken a moment later."""
_ATTEMPTS = 6
_LONGEST_WAIT_SECONDS = 30.0
_EXAMPLES = 3


@dataclass(frozen=True)
class FoundIndex:
    """An index of the server.

    Attributes:
        name: Its name.
        aliases: Its aliases.
        remembered: What was written to the mapping's `_meta` when it was made.
    """

    name: str
    aliases: frozenset[str]
    remembered: Mapping[str, Any]


class SearchServer:
    """One cluster.

    Args:
        name: Name of the entry in `destinations.toml`, for errors.
        url: Its address, `https://host:port`.
        user: Who asks; without one the password is an API key.
        password: The password or API key, if one is needed.
        sleep: Waits some seconds.
        limits: What one request may cost.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        user: str = "",
        password: str = "",
        sleep: Callable[[float], None] = time.sleep,
        limits: HttpLimits | None = None,
    ) -> None:
        self.url = url
        self._name = name
        self._sleep = sleep
        headers = {"accept": "application/json"}
        secrets = {password}
        if password:
            joined = base64.b64encode(f"{user}:{password}".encode()).decode()
            headers["authorization"] = f"Basic {joined}" if user else f"ApiKey {password}"
            secrets.add(joined)
        self._client = HttpClient(
            [urlsplit(url).netloc],
            user_agent="inventory-platform",
            headers=headers,
            secrets=lambda: secrets,
            sleep=sleep,
            limits=limits or HttpLimits(max_wait_seconds=60),
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def indexes(self, pattern: str) -> list[FoundIndex]:
        """The indexes whose name fits a pattern."""
        found = self._json("GET", f"/{pattern}")
        return [
            FoundIndex(
                name,
                frozenset(index.get("aliases", {})),
                index.get("mappings", {}).get("_meta", {}),
            )
            for name, index in found.items()
        ]

    def create(self, index: str, mapping: Mapping[str, Any]) -> None:
        """Create an index that is not searched while it is filled."""
        body = {"settings": {"index": {"refresh_interval": "-1"}}, "mappings": mapping}
        try:
            self._json("PUT", f"/{index}", body)
        except _RefusedError as error:
            # The name is used once: there already means that the answer to the first was lost.
            if "resource_already_exists" not in error.body:
                raise

    def delete(self, index: str) -> None:
        """Delete an index; none is fine too."""
        try:
            self._json("DELETE", f"/{index}")
        except _RefusedError as error:
            if error.status != 404:
                raise

    def finish(self, index: str) -> None:
        """Make everything in an index searchable, and what is to come after the usual time."""
        self._json("PUT", f"/{index}/_settings", {"index": {"refresh_interval": None}})
        self._json("POST", f"/{index}/_refresh")

    def switch(self, actions: Sequence[Mapping[str, Any]]) -> None:
        """Change aliases, all at once."""
        self._json("POST", "/_aliases", {"actions": list(actions)})

    def count(self, index: str) -> int:
        """Number of documents, without those nested in them."""
        return int(self._json("GET", f"/{index}/_count")["count"])

    def aggregate(self, index: str, aggregations: Mapping[str, Any]) -> dict[str, Any]:
        """Compute aggregations over all documents."""
        body = {"size": 0, "track_total_hits": False, "aggs": aggregations}
        return dict(self._json("POST", f"/{index}/_search", body)["aggregations"])

    def bulk(self, index: str, documents: Iterable[tuple[str, str]]) -> Iterator[int]:
        """Send documents in batches; documents turned away for a moment are sent again.

        Args:
            index: Where to.
            documents: Identifier and JSON of each; sending one twice changes nothing.

        Yields:
            How many have been taken, after each batch.

        Raises:
            DestinationUnavailableError: Documents were turned away again and again.
            PublishError: The server refuses documents; names the first of them and why.
        """
        taken = 0
        for batch in _batches(documents):
            self._send(index, batch)
            taken += len(batch)
            yield taken

    def _send(self, index: str, batch: Sequence[tuple[str, str]]) -> None:
        left, reason = list(batch), ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._sleep(min(2.0 ** (attempt - 1), _LONGEST_WAIT_SECONDS))
            lines = (f'{{"index":{{"_id":{json.dumps(i)}}}}}\n{document}\n' for i, document in left)
            answer = self._json("POST", f"/{index}/_bulk", content="".join(lines).encode())
            items = [item["index"] for item in answer["items"]]
            refused = [i for i in items if i["status"] >= 300 and i["status"] not in _AGAIN]
            if refused:
                examples = "; ".join(f"{i['_id']}: {_reason(i)}" for i in refused[:_EXAMPLES])
                raise PublishError(
                    f"{self._name}: {len(refused)} of {len(batch)} documents for {index} were "
                    f"refused: {examples}.",
                    "Readers keep the version before. Correct the values, or leave the mart out.",
                )
            turned_away = {i["_id"] for i in items if i["status"] in _AGAIN}
            reason = next((_reason(i) for i in items if i["status"] in _AGAIN), "")
            left = [pair for pair in left if pair[0] in turned_away]
            if not left:
                return
        raise DestinationUnavailableError(
            f"{self._name}: {len(left)} documents for {index} were turned away {_ATTEMPTS} times: "
            f"{reason}.",
            "The server has more to do than it can. Readers keep the version before.",
        )

    def _json(
        self, method: str, path: str, body: Any = None, *, content: bytes | None = None
    ) -> Any:
        headers = {"content-type": "application/x-ndjson"} if content is not None else None
        with self._failures():
            response = self._client.request(
                method,
                self.url + quote(path, safe="/*,"),
                json=body,
                content=content,
                headers=headers,
                complaint=_complaint,
            )
        return json.loads(response.text)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """What the server answers, in the platform's words."""
        try:
            yield
        except HttpStatusError as error:
            raise _RefusedError(
                f"{self._name}: {error.what}",
                "Check the user's rights on the indexes of the prefix."
                if error.status in {401, 403}
                else "Readers keep the version before.",
                status=error.status,
                body=error.body,
            ) from None
        except SourceError as error:
            if not error.is_transient:
                raise PublishError(
                    f"{self._name}: {error.what}", "Correct the address in destinations.toml."
                ) from None
            raise DestinationUnavailableError(
                f"{self._name}: {error.what}", "Readers keep the version before."
            ) from None


class _RefusedError(PublishError):
    """The server refused a request."""

    def __init__(self, what: str, remedy: str, *, status: int, body: str) -> None:
        super().__init__(what, remedy)
        self.status = status
        self.body = body


def _complaint(response: Response) -> str | None:
    """What is wrong with an answer that is no JSON object, such as a proxy's page."""
    try:
        answer = json.loads(response.text)
    except ValueError:
        return "the answer is no JSON"
    return None if isinstance(answer, dict) else "the answer is no JSON object"


def _batches(documents: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    batch: list[tuple[str, str]] = []
    size = 0
    for pair in documents:
        length = len(pair[0]) + len(pair[1].encode())
        if batch and (size + length > _BATCH_BYTES or len(batch) == _BATCH_DOCUMENTS):
            yield batch
            batch, size = [], 0
        batch.append(pair)
        size += length
    if batch:
        yield batch


def _reason(item: Mapping[str, Any]) -> str:
    error = item.get("error") or {}
    return f"{error.get('type', item['status'])}: {error.get('reason', 'no reason given')}"[:200]
