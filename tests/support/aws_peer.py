"""AWS over HTTP for the real boto3: moto behind it, with what moto lacks and with faults on request.

Data Exports and Cost Explorer are answered here, in the shapes of botocore's service models;
everything else goes on to moto. A fault is asked first, and may answer in its stead.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

EXPORTS = "AWSBillingAndCostManagementDataExports"
EXPLORER = "AWSInsightsIndexService"
ARN = "arn:aws:bcm-data-exports:us-east-1:111122223333:export/"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    target: str
    body: bytes

    @property
    def key(self) -> str:
        """Give the path without its query."""
        return urlsplit(self.path).path


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


Fault = Callable[[Asked], Answer | None]


@dataclass(frozen=True, slots=True)
class Cost:
    """What Cost Explorer knows of one day, account, service and record type."""

    day: date
    account: str
    service: str
    record_type: str
    unblended: str
    amortised: str


def refusal(code: str, message: str = "no", status: int = 403, **headers: str) -> Answer:
    """Give a refusal as S3 writes it."""
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Answer(status, body.encode(), {"Content-Type": "application/xml", **headers})


def of_sts(code: str, message: str = "no") -> Answer:
    """Give a refusal as STS writes it."""
    body = (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        "<RequestId>1</RequestId></ErrorResponse>"
    )
    return Answer(403, body.encode(), {"Content-Type": "text/xml"})


def assumed(until: datetime) -> Answer:
    """Give credentials of a role that expire."""
    body = (
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
        "<AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>x</SecretAccessKey><SessionToken>x</SessionToken>"
        f"<Expiration>{until:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )
    return Answer(200, body.encode(), {"Content-Type": "text/xml"})


def refused(code: str, message: str = "no", status: int = 400) -> Answer:
    """Give a refusal as the JSON services write it."""
    body = json.dumps({"__type": code, "message": message})
    return Answer(status, body.encode(), {"Content-Type": "application/x-amz-json-1.1"})


@dataclass
class AwsPeer:
    """One server; tests set what it knows and read what it was asked."""

    moto: str
    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    exports: dict[str, dict[str, Any]] = field(default_factory=dict)
    executions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    health: dict[str, dict[str, str]] = field(default_factory=dict)
    costs: list[Cost] = field(default_factory=list)
    page: int = 1000

    def add_export(self, name: str, *statuses: str, reason: str = "", **options: str) -> None:
        """Have an export, with the statuses of its runs, oldest first."""
        self.exports[name] = {
            "ExportArn": ARN + name,
            "Name": name,
            "DataQuery": {
                "QueryStatement": "SELECT * FROM COST_AND_USAGE_REPORT",
                "TableConfigurations": {"COST_AND_USAGE_REPORT": options},
            },
        }
        self.executions[name] = [
            {
                "ExecutionId": f"run-{i}",
                "ExecutionStatus": {
                    "StatusCode": status,
                    "CreatedAt": 1_780_000_000 + i,
                    **({"StatusReason": reason} if reason else {}),
                },
            }
            for i, status in enumerate(statuses)
        ]

    def count(self, target: str) -> int:
        """Count the requests of an operation."""
        return sum(1 for one in self.asked if one.target.endswith(target))

    def answer(self, asked: Asked, headers: dict[str, str]) -> Answer:
        """Give the answer to a request."""
        self.asked.append(asked)
        for fault in self.faults:
            if (found := fault(asked)) is not None:
                return found
        service, _, operation = asked.target.partition(".")
        if service in {EXPORTS, EXPLORER}:
            known = {
                "ListExports": self._list_exports,
                "GetExport": self._get_export,
                "ListExecutions": self._list_executions,
                "GetCostAndUsage": self._get_cost_and_usage,
            }
            said = known[operation](json.loads(asked.body or b"{}"))
            return Answer(200, json.dumps(said).encode(), {"Content-Type": "application/x-amz-json-1.1"})
        return self._forwarded(asked, headers)

    def _list_exports(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "Exports": [
                {
                    "ExportArn": export["ExportArn"],
                    "ExportName": name,
                    "ExportStatus": self.health.get(name, {"StatusCode": "HEALTHY"}),
                }
                for name, export in self.exports.items()
            ]
        }

    def _get_export(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"Export": self.exports[request["ExportArn"].removeprefix(ARN)]}

    def _list_executions(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"Executions": self.executions[request["ExportArn"].removeprefix(ARN)]}

    def _get_cost_and_usage(self, request: dict[str, Any]) -> dict[str, Any]:
        start, end = (date.fromisoformat(request["TimePeriod"][name]) for name in ("Start", "End"))
        only = set(request.get("Filter", {}).get("Dimensions", {}).get("Values", ()))
        names = {"LINKED_ACCOUNT": "account", "SERVICE": "service", "RECORD_TYPE": "record_type"}
        keys = [names[group["Key"]] for group in request["GroupBy"]]
        sums: dict[tuple[str, ...], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
        for cost in self.costs:
            if not start <= cost.day < end or (only and cost.record_type not in only):
                continue
            monthly = request["Granularity"] == "MONTHLY"
            begin = max(cost.day.replace(day=1), start) if monthly else cost.day
            place = sums[begin.isoformat(), *(getattr(cost, key) for key in keys)]
            place[0] += Decimal(cost.unblended)
            place[1] += Decimal(cost.amortised)
        groups = sorted(sums.items())
        first = int(request.get("NextPageToken") or 0)
        answer: dict[str, Any] = {"ResultsByTime": []}
        for (day, *found), (unblended, amortised) in groups[first : first + self.page]:
            answer["ResultsByTime"].append(
                {
                    "TimePeriod": {
                        "Start": day,
                        "End": (date.fromisoformat(day) + timedelta(days=1)).isoformat(),
                    },
                    "Estimated": True,
                    "Groups": [
                        {
                            "Keys": found,
                            "Metrics": {
                                "UnblendedCost": {"Amount": str(unblended), "Unit": "USD"},
                                "AmortizedCost": {"Amount": str(amortised), "Unit": "USD"},
                            },
                        }
                    ],
                }
            )
        if first + self.page < len(groups):
            answer["NextPageToken"] = str(first + self.page)
        return answer

    def _forwarded(self, asked: Asked, headers: dict[str, str]) -> Answer:
        place = urlsplit(self.moto)
        connection = HTTPConnection(place.hostname or "", place.port, timeout=30)
        try:
            connection.request(asked.method, asked.path, body=asked.body or None, headers=headers)
            response = connection.getresponse()
            body = response.read()
            kept = {
                name: value
                for name, value in response.getheaders()
                if name.lower() not in {"transfer-encoding", "connection", "date", "server"}
            }
            return Answer(response.status, body, kept)
        finally:
            connection.close()


@contextmanager
def peer_of(moto: str) -> Iterator[AwsPeer]:
    """Run a peer in front of a moto server until the block ends."""
    peer = AwsPeer(moto)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(self.command, self.path, self.headers.get("X-Amz-Target", ""), body)
            answer = peer.answer(asked, dict(self.headers.items()))
            self.send_response(answer.status)
            is_head = self.command == "HEAD"
            for name, value in answer.headers.items():
                if name.lower() != "content-length" or is_head:
                    self.send_header(name, value)
            if not is_head:
                self.send_header("Content-Length", str(len(answer.body)))
            elif "content-length" not in {name.lower() for name in answer.headers}:
                self.send_header("Content-Length", "0")
            self.end_headers()
            if not is_head:
                self.wfile.write(answer.body)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_one  # noqa: N815 -- http.server's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- http.server's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    peer.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
