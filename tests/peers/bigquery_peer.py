"""A BigQuery over HTTP that holds billing exports: enough of its REST API for the real client.

It knows the three questions that costd asks by the first line of each and answers them from nested rows,
by code of its own (`tests/support/gcp_export.py`). It executes no SQL; `test_gcp_sql.py` lets an emulator
do that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import gcp_export
import gcp_schema

from collectors.gcp.rows import ROW_SCHEMA, flat

Answer = list[dict[str, str | None]]

BYTES_PER_ROW = 700
_MICROS = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(kw_only=True)
class Table:
    """A table: its columns, and its rows with the day on which each arrived (`_PARTITIONTIME`)."""

    columns: str = gcp_schema.DETAILED
    rows: list[dict[str, Any]] = field(default_factory=list)
    by_arrival: bool = True
    expires_days: int | None = None

    def add(self, *rows: dict[str, Any]) -> None:
        """Append rows as Google's export does: into the partition of the day they are exported on."""
        name = "x_ExportTime" if "x_ExportTime" in self.columns else "export_time"
        for row in rows:
            arrived = row[name].replace(hour=0, minute=0, second=0, microsecond=0)
            self.rows.append({"_PARTITIONTIME": arrived, **row})


@dataclass(kw_only=True)
class Fault:
    """An answer that is an error, `times` times from the `after`-th fitting request on."""

    on: str
    status: int
    reason: str
    message: str
    after: int = 0
    times: int = 10**6
    met: int = 0

    def strikes(self, on: str) -> bool:
        """Tell whether this request is one of those that fail."""
        if on != self.on:
            return False
        self.met += 1
        return self.after < self.met <= self.after + self.times


@dataclass(kw_only=True)
class BigQuery:
    """What the server holds, and what it was asked."""

    tables: dict[str, Table] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    jobs: dict[str, tuple[dict[str, Any], Answer]] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    between: Callable[[str], None] = lambda _what: None
    url: str = ""

    def questions(self) -> list[str]:
        """Give what was really asked, without dry runs: `months`, `summary`, `charges`."""
        return [_what(one["query"]["query"]) for one in self.asked if not one.get("dryRun")]

    def fail(self, on: str, status: int, reason: str, message: str, **more: int) -> None:
        """Have requests fail: `table`, `dry`, `months`, `summary`, `charges`, `page`."""
        self.faults.append(Fault(on=on, status=status, reason=reason, message=message, **more))

    def run(self, configuration: Mapping[str, Any]) -> tuple[Answer, int]:
        """Answer a question: rows, and bytes read for it."""
        query = configuration["query"]
        text = query["query"]
        parameters = {one["name"]: one["parameterValue"]["value"] for one in query.get("queryParameters", ())}
        (name,) = re.findall(r"`([^`]+)`", text)
        table = self.tables[name]
        rows = [row for row in table.rows if _instant(parameters["first"]) <= row["_PARTITIONTIME"]]
        if "last" in parameters:
            rows = [row for row in rows if row["_PARTITIONTIME"] <= _instant(parameters["last"])]
        read = BYTES_PER_ROW * len(rows)
        return _ANSWERS["x_ExportTime" in table.columns, _what(text)](rows, parameters), read


def _what(query: str) -> str:
    return query.splitlines()[0].removeprefix("-- costd: ")


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text.removesuffix(" UTC"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _usage_months(rows: list[dict[str, Any]], _: Mapping[str, str]) -> Answer:
    return _months(rows, lambda row: row["invoice"]["month"], "export_time")


def _usage_of_month(rows: list[dict[str, Any]], parameters: Mapping[str, str]) -> list[dict[str, Any]]:
    until = _instant(parameters["exported"])
    return [r for r in rows if r["invoice"]["month"] == parameters["month"] and r["export_time"] <= until]


def _months(rows: list[dict[str, Any]], month: Callable[[Any], str], exported: str) -> Answer:
    found: dict[str, list[datetime]] = {}
    for row in rows:
        found.setdefault(month(row), []).append(row[exported])
    return [
        {"month": name, "exported": max(times).strftime(_MICROS), "count": str(len(times))}
        for name, times in found.items()
    ]


def _usage_summary(rows: list[dict[str, Any]], parameters: Mapping[str, str]) -> Answer:
    return gcp_export.summary(_usage_of_month(rows, parameters))


def _usage_charges(rows: list[dict[str, Any]], parameters: Mapping[str, str]) -> Answer:
    found: Answer = flat(_usage_of_month(rows, parameters)).to_dicts()
    return found or [dict.fromkeys(ROW_SCHEMA)][:0]


def _focus_month(row: Mapping[str, Any]) -> str:
    return f"{row['BillingPeriodStart']:%Y%m}"


def _focus_months(rows: list[dict[str, Any]], _: Mapping[str, str]) -> Answer:
    return _months(rows, _focus_month, "x_ExportTime")


def _focus_of_month(rows: list[dict[str, Any]], parameters: Mapping[str, str]) -> list[dict[str, Any]]:
    return [row for row in rows if _focus_month(row) == parameters["month"]]


def _focus_summary(rows: list[dict[str, Any]], parameters: Mapping[str, str]) -> Answer:
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in _focus_of_month(rows, parameters):
        groups.setdefault((row["BillingAccountId"], row["BillingCurrency"]), []).append(row)
    return [
        {
            "billing_account_id": account,
            "currency": currency,
            "count": str(len(members)),
            "cost": format(sum(gcp_export.numeric(row["BilledCost"]) for row in members), "f"),
            "first_partition": str(int(min(row["_PARTITIONTIME"] for row in members).timestamp())),
            "last_partition": str(int(max(row["_PARTITIONTIME"] for row in members).timestamp())),
        }
        for (account, currency), members in groups.items()
    ]


def _focus_charges(rows: list[dict[str, Any]], parameters: Mapping[str, str]) -> Answer:
    return [
        {"x_InvoiceMonth": _focus_month(row), **{name: _text(value) for name, value in row.items()}}
        for row in _focus_of_month(rows, parameters)
    ]


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.strftime(_MICROS)
    return json.dumps(value) if isinstance(value, list) else str(value)


_ANSWERS: dict[tuple[bool, str], Callable[[list[dict[str, Any]], Mapping[str, str]], Answer]] = {
    (False, "months"): _usage_months,
    (False, "summary"): _usage_summary,
    (False, "charges"): _usage_charges,
    (True, "months"): _focus_months,
    (True, "summary"): _focus_summary,
    (True, "charges"): _focus_charges,
}


class _Handler(BaseHTTPRequestHandler):
    """The REST API; every request is a new connection."""

    server: _Server

    def do_GET(self) -> None:  # the name that http.server wants
        """Answer for tables, jobs and pages of answers."""
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if match := re.search(r"/datasets/([^/]+)/tables/([^/]+)$", path):
            self._table(f"{path.split('/')[4]}.{match[1]}.{match[2]}")
        elif match := re.search(r"/datasets/([^/]+)/tables$", path):
            self._tables(f"{path.split('/')[4]}.{match[1]}")
        elif match := re.search(r"/queries/([^/]+)$", path):
            self._page(match[1], {name: values[0] for name, values in query.items()})
        else:
            self._send(self._job(path.rpartition("/")[2]))

    def do_POST(self) -> None:  # the name that http.server wants
        """Take a job."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        configuration, bigquery = body["configuration"], self.server.bigquery
        bigquery.asked.append(configuration)
        what = _what(configuration["query"]["query"])
        if self._failed("dry" if configuration.get("dryRun") else what):
            return
        answer, size = bigquery.run(configuration)
        if configuration.get("dryRun"):
            self._send(_reply("dry", configuration, size))
            return
        bigquery.between(what)
        allowed = int(configuration["query"].get("maximumBytesBilled", 2**62))
        if size > allowed:
            self._error(400, "bytesBilledLimitExceeded", f"Query exceeded limit for bytes billed: {allowed}")
            return
        job = body["jobReference"]["jobId"]
        bigquery.jobs[job] = _reply(job, configuration, size), answer
        self._send(bigquery.jobs[job][0])

    def _table(self, name: str) -> None:
        if self._failed("table"):
            return
        table = self.server.bigquery.tables.get(name)
        if table is None:
            self._error(404, "notFound", f"Not found: Table {name}")
            return
        partitioning: dict[str, Any] = {"type": "DAY"}
        if table.expires_days is not None:
            partitioning["expirationMs"] = str(table.expires_days * 86_400_000)
        reply = {
            "tableReference": _reference(name),
            "schema": {"fields": gcp_schema.fields(table.columns)},
            "location": "EU",
            "type": "TABLE",
        }
        self._send(reply | ({"timePartitioning": partitioning} if table.by_arrival else {}))

    def _tables(self, dataset: str) -> None:
        names = [name for name in self.server.bigquery.tables if name.startswith(f"{dataset}.")]
        self._send({"tables": [{"tableReference": _reference(name)} for name in names]})

    def _job(self, job: str) -> dict[str, Any]:
        return self.server.bigquery.jobs[job][0]

    def _page(self, job: str, query: dict[str, str]) -> None:
        reply, answer = self.server.bigquery.jobs[job]
        names = list(answer[0]) if answer else ["nothing"]
        found = {
            "jobReference": reply["jobReference"],
            "jobComplete": True,
            "totalRows": str(len(answer)),
            "schema": {"fields": [{"name": name, "type": "STRING", "mode": "NULLABLE"} for name in names]},
        }
        if query.get("maxResults") != "0":
            if self._failed("page"):
                return
            start = int(query.get("pageToken", 0))
            end = start + int(query.get("maxResults", 1000))
            found["rows"] = [{"f": [{"v": row[name]} for name in names]} for row in answer[start:end]]
            if end < len(answer):
                found["pageToken"] = str(end)
        self._send(found)

    def _failed(self, on: str) -> bool:
        for fault in self.server.bigquery.faults:
            if fault.strikes(on):
                self._error(fault.status, fault.reason, fault.message)
                return True
        return False

    def _error(self, status: int, reason: str, message: str) -> None:
        error = {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}
        self._send({"error": error}, status)

    def _send(self, body: dict[str, Any], status: int = 200) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


def _reference(name: str) -> dict[str, str]:
    project, dataset, table = name.split(".")
    return {"projectId": project, "datasetId": dataset, "tableId": table}


def _reply(job: str, configuration: dict[str, Any], size: int) -> dict[str, Any]:
    return {
        "kind": "bigquery#job",
        "jobReference": {"projectId": "acme", "jobId": job, "location": "EU"},
        "configuration": {"jobType": "QUERY", **configuration},
        "status": {"state": "DONE"},
        "statistics": {
            "endTime": "1783000000000",
            "totalBytesProcessed": str(size),
            "query": {
                "totalBytesProcessed": str(size),
                "totalBytesBilled": str(size),
                "statementType": "SELECT",
            },
        },
    }


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, bigquery: BigQuery) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bigquery = bigquery


@contextmanager
def serving() -> Iterator[BigQuery]:
    """Serve an empty BigQuery on a free port."""
    bigquery = BigQuery()
    server = _Server(bigquery)
    bigquery.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield bigquery
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
