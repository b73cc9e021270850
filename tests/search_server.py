"""A server that answers as Elasticsearch and OpenSearch document it, for the requests used here.

Indexes with strict mappings, bulk requests with a result for each document, aliases, counts and
aggregations, computed from the documents in plain Python. Faults are set by the tests. It is
no search engine; no real one was asked.
"""

from __future__ import annotations

import fnmatch
import json
import re
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


@dataclass
class Index:
    """One index: what it was created with, and what it holds."""

    mappings: dict
    settings: dict
    aliases: set = field(default_factory=set)
    documents: dict = field(default_factory=dict)
    searchable: dict = field(default_factory=dict)

    def refresh(self):
        self.searchable = dict(self.documents)


@dataclass
class Cluster:
    """The state of a server, its faults, and what it was asked.

    Attributes:
        answers: Statuses to answer the next bulk requests with instead of taking them.
        items: Called with each identifier; a status to turn the document away with, or None.
        spoil: Called with each document before it is kept.
        lost: Whether the next change of aliases is made and its answer lost.
        authorization: What every request must carry.
    """

    indexes: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)
    answers: deque = field(default_factory=deque)
    items: object = None
    spoil: object = None
    lost: bool = False
    authorization: str = ""
    on_switch: object = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def search(self, alias):
        """The documents a search by an alias sees."""
        found = [i for i in self.indexes.values() if alias in i.aliases]
        assert len(found) == 1, f"{alias} stands for {len(found)} indexes"
        return found[0].searchable

    def bulks(self):
        return sum(path.endswith("/_bulk") for _, path in self.asked)

    def app(self):
        return Starlette(
            routes=[Route("/{path:path}", self.answer, methods=["GET", "PUT", "POST", "DELETE"])]
        )

    async def answer(self, request: Request):
        body = await request.body()
        with self.lock:
            path = request.path_params["path"]
            self.asked.append((request.method, f"/{path}"))
            if self.authorization and request.headers.get("authorization") != self.authorization:
                return _error(401, "security_exception", "unable to authenticate user")
            return self._route(request, path, body)

    def _route(self, request, path, body):
        name, _, action = path.partition("/")
        if path == "_aliases":
            return self._switch(json.loads(body))
        if action == "_bulk":
            return self._bulk(name, request, body)
        if not action and request.method == "GET":
            return JSONResponse(
                {
                    key: {
                        "aliases": {alias: {} for alias in index.aliases},
                        "mappings": index.mappings,
                        "settings": {"index": index.settings},
                    }
                    for key, index in self.indexes.items()
                    if fnmatch.fnmatch(key, name)
                }
            )
        if not action and request.method == "PUT":
            if name in self.indexes:
                return _error(400, "resource_already_exists_exception", f"index [{name}]")
            if name != name.lower() or name[0] in "-_+":
                return _error(400, "invalid_index_name_exception", f"index [{name}]")
            asked = json.loads(body)
            self.indexes[name] = Index(asked["mappings"], asked["settings"]["index"])
            return JSONResponse({"acknowledged": True, "index": name})
        index = self.indexes.get(name) or next(
            (i for i in self.indexes.values() if name in i.aliases), None
        )
        if index is None:
            return _error(404, "index_not_found_exception", f"no such index [{name}]")
        match action:
            case "" if request.method == "DELETE":
                del self.indexes[name]
                return JSONResponse({"acknowledged": True})
            case "_settings":
                index.settings.update(json.loads(body)["index"])
                return JSONResponse({"acknowledged": True})
            case "_refresh":
                index.refresh()
                return JSONResponse({"_shards": {"failed": 0}})
            case "_count":
                return JSONResponse({"count": len(index.searchable)})
            case "_search":
                return JSONResponse({"aggregations": _aggregated(json.loads(body)["aggs"], index)})
        return _error(400, "illegal_argument_exception", f"no handler for [{path}]")

    def _bulk(self, name, request, body):
        if self.answers:
            status = self.answers.popleft()
            return _error(status, "es_rejected_execution_exception", "too much to do")
        assert request.headers["content-type"] == "application/x-ndjson"
        assert body.endswith(b"\n")
        lines = body.decode().split("\n")[:-1]
        items = []
        for action, document in zip(lines[::2], lines[1::2], strict=True):
            identity = json.loads(action)["index"]["_id"]
            assert 1 <= len(identity.encode()) <= 512
            items.append({"index": {"_id": identity, **self._take(name, identity, document)}})
        return JSONResponse({"errors": any("error" in i["index"] for i in items), "items": items})

    def _take(self, name, identity, text):
        status = self.items(identity) if self.items else None
        if status:
            kind = "es_rejected_execution_exception"
            return {"status": status, "error": {"type": kind, "reason": "queue is full"}}
        document = json.loads(text)
        if self.spoil:
            self.spoil(document)
        index = self.indexes[name]
        if problem := _problem(document, index.mappings):
            error = {"type": "document_parsing_exception", "reason": problem}
            return {"status": 400, "error": error}
        known = identity in index.documents
        index.documents[identity] = document
        return {"status": 200 if known else 201, "result": "updated" if known else "created"}

    def _switch(self, asked):
        aliases = {name: set(index.aliases) for name, index in self.indexes.items()}
        for action in asked["actions"]:
            ((what, of),) = action.items()
            if of["index"] not in aliases:
                return _error(404, "index_not_found_exception", f"no such index [{of['index']}]")
            if what == "add":
                aliases[of["index"]].add(of["alias"])
            elif of["alias"] in aliases[of["index"]]:
                aliases[of["index"]].remove(of["alias"])
            else:
                return _error(404, "aliases_not_found_exception", f"aliases [{of['alias']}]")
        for name, names in aliases.items():
            self.indexes[name].aliases = names
        if self.on_switch:
            self.on_switch()
        if self.lost:
            self.lost = False
            return _error(502, "bad_gateway", "the answer was lost")
        return JSONResponse({"acknowledged": True})


def _error(status, kind, reason):
    return JSONResponse(
        {"error": {"type": kind, "reason": reason}, "status": status}, status_code=status
    )


def _problem(document, mapping):
    """Why a document does not fit a strict mapping, or None."""
    for name, value in document.items():
        declared = mapping["properties"].get(name)
        if declared is None:
            return f"mapping set to strict, dynamic introduction of [{name}]"
        if value is None:
            continue
        if declared["type"] == "nested":
            found = next((p for inner in value if (p := _problem(inner, declared))), None)
        else:
            found = None if _fits(value, declared) else f"failed to parse field [{name}]: {value!r}"
        if found:
            return found
    return None


def _fits(value, declared):
    match declared["type"]:
        case "long":
            return type(value) is int and -(2**63) <= value < 2**63
        case "scaled_float" | "double":
            return type(value) in {int, float}
        case "boolean":
            return type(value) is bool
        case "keyword" | "binary":
            return type(value) is str
        case "date":
            day = r"\d{4}-\d\d-\d\d"
            instant = rf"{day}(T\d\d:\d\d:\d\d(\.\d{{1,9}})?Z?)?"
            pattern = day if declared["format"] == "strict_date" else instant
            return bool(re.fullmatch(pattern, str(value)))
    return False


def _aggregated(asked, index):
    return _over(asked, list(index.searchable.values()), index.mappings, "")


def _over(asked, documents, mapping, path):
    answer = {}
    for name, aggregation in asked.items():
        if "nested" in aggregation:
            inner = aggregation["nested"]["path"]
            rows = [row for document in documents for row in document.get(inner) or []]
            declared = mapping["properties"][inner]
            answer[name] = {
                "doc_count": len(rows),
                **_over(aggregation.get("aggs", {}), rows, declared, f"{inner}."),
            }
            continue
        ((kind, of),) = aggregation.items()
        column = of["field"].removeprefix(path)
        declared = mapping["properties"][column]
        values = [d[column] for d in documents if d.get(column) is not None]
        if declared["type"] == "keyword":
            longest = declared.get("ignore_above", 2**31)
            values = [value for value in values if len(value) <= longest]
        counted = len(values) if kind == "value_count" else sum(map(_number, values))
        answer[name] = {"value": counted}
    return answer


def _number(value):
    if isinstance(value, str):
        if len(value) == 10:
            moment = datetime.combine(date.fromisoformat(value), datetime.min.time(), UTC)
        else:
            moment = datetime.fromisoformat(value)
        return float(int(moment.timestamp() * 1000 // 1))
    return float(value)
