"""AWS as its price list and EC2 answer, small enough to read, in the forms of the real ones.

The price list is CSV below `/offers/v1.0/aws/…`, with five lines about the file before the header. Spot
prices are the XML of EC2's query API, in pages. What is asked is kept, and what is answered can be broken.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

HEADER = (
    *("SKU", "OfferTermCode", "RateCode", "TermType", "PriceDescription", "EffectiveDate", "StartingRange"),
    *("EndingRange", "Unit", "PricePerUnit", "Currency", "LeaseContractLength", "PurchaseOption"),
    *("OfferingClass", "Product Family", "serviceCode", "Location", "Location Type", "Instance Type"),
    *("vCPU", "Memory", "Operating System", "License Model", "usageType", "operation", "CapacityStatus"),
    *("Pre Installed S/W", "Tenancy", "Region Code", "serviceName"),
)
_ORDINARY: dict[str, str] = {
    "OfferTermCode": "JRTCKXETXF",
    "TermType": "OnDemand",
    "EffectiveDate": "2026-06-01",
    "StartingRange": "0",
    "EndingRange": "Inf",
    "Unit": "Hrs",
    "Currency": "USD",
    "Product Family": "Compute Instance",
    "serviceCode": "AmazonEC2",
    "Location": "EU (Frankfurt)",
    "Location Type": "AWS Region",
    "Operating System": "Linux",
    "License Model": "No License required",
    "operation": "RunInstances",
    "CapacityStatus": "Used",
    "Pre Installed S/W": "NA",
    "Tenancy": "Shared",
    "Region Code": "eu-central-1",
    "serviceName": "Amazon Elastic Compute Cloud",
}


def offer(sku: str, price: str, **columns: str) -> dict[str, str]:
    """Give one row of a price list; name columns with `_` for each space: `Instance_Type`."""
    named = {name.replace("_", " "): text for name, text in columns.items()}
    row = {**_ORDINARY, "SKU": sku, "PricePerUnit": price, **named}
    row["RateCode"] = f"{sku}.{row['OfferTermCode']}.{row['StartingRange']}"
    return row


def spot(price: str, at: datetime, kind: str = "m5.large", zone: str = "eu-central-1a") -> dict[str, str]:
    """Give one change of a spot price."""
    stamp = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return {
        "instanceType": kind,
        "productDescription": "Linux/UNIX",
        "spotPrice": price,
        "timestamp": stamp,
        "availabilityZone": zone,
    }


@dataclass
class PricePeer:
    """What the peer has, and what it was asked.

    Attributes:
        url: where it listens.
        lists: {(service, region): (version, rows)}.
        spots: changes of spot prices, any order.
        asked: paths and actions, in order.
        page: changes on one page of spot prices.
        broken: {path ending: how}; `cut`, `redirect`, `missing`, `elsewhere`.
        denied: EC2 refuses.
    """

    url: str = ""
    lists: dict[tuple[str, str], tuple[str, list[dict[str, str]]]] = field(default_factory=dict)
    spots: list[dict[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    spot_asked: list[dict[str, str]] = field(default_factory=list)
    page: int = 2
    broken: dict[str, str] = field(default_factory=dict)
    denied: bool = False

    def index(self, service: str) -> dict[str, Any]:
        """Give the region index of a service."""
        host = "https://elsewhere.example" if "elsewhere" in self.broken.values() else ""
        return {
            "formatVersion": "v1.0",
            "publicationDate": "2026-06-12T00:00:00Z",
            "regions": {
                region: {
                    "regionCode": region,
                    "currentVersionUrl": f"{host}/offers/v1.0/aws/{service}/{version}/{region}/index.json",
                }
                for (name, region), (version, _) in self.lists.items()
                if name == service
            },
        }

    def file(self, path: str) -> tuple[int, bytes, str]:
        """Give status and body of a file of the price list, and how it is broken, if it is."""
        self.asked.append(path)
        how = next((how for ending, how in self.broken.items() if path.endswith(ending)), "")
        parts = path.strip("/").split("/")
        if how == "redirect":
            return 302, b"", how
        if how == "missing" or len(parts) < 5:
            return 404, b"", how
        if parts[-1] == "region_index.json":
            return 200, json.dumps(self.index(parts[3])).encode(), how
        version, rows = self.lists[parts[3], parts[5]]
        return 200, listed(version, parts[3], rows), how

    def history(self, form: Mapping[str, str]) -> str:
        """Give a page of spot prices: what changed between two instants, and what held before."""
        start, end = form.get("StartTime", ""), form.get("EndTime", "9999")
        kinds = {text for name, text in form.items() if name.startswith("Filter.1.Value.")}
        mine = sorted(self.spots, key=lambda one: one["timestamp"], reverse=True)
        found = [one for one in mine if start[:19] <= one["timestamp"][:19] <= end[:19]]
        found = [one for one in found if not kinds or one["instanceType"] in kinds]
        at = int(form.get("NextToken") or 0)
        rows = "".join(
            "<item>" + "".join(f"<{k}>{escape(v)}</{k}>" for k, v in one.items()) + "</item>"
            for one in found[at : at + self.page]
        )
        token = str(at + self.page) if at + self.page < len(found) else ""
        space = "http://ec2.amazonaws.com/doc/2016-11-15/"
        return (
            f'<DescribeSpotPriceHistoryResponse xmlns="{space}"><requestId>r</requestId>'
            f"<spotPriceHistorySet>{rows}</spotPriceHistorySet><nextToken>{token}</nextToken>"
            "</DescribeSpotPriceHistoryResponse>"
        )


def listed(version: str, service: str, rows: Sequence[Mapping[str, str]]) -> bytes:
    """Give a region file of the bulk price list as CSV."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    about = {
        "FormatVersion": "v1.0",
        "Disclaimer": "This pricing list is for informational purposes only.",
        "Publication Date": "2026-06-12T00:00:00Z",
        "Version": version,
        "OfferCode": service,
    }
    writer.writerows(about.items())
    writer.writerow(HEADER)
    writer.writerows([row.get(name, "") for name in HEADER] for row in rows)
    return text.getvalue().encode()


@contextmanager
def price_peer() -> Iterator[PricePeer]:
    """Run the peer on a port of this machine."""
    peer = PricePeer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(peer))
    peer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield peer
    server.shutdown()
    server.server_close()
    thread.join(10)


def _handler(peer: PricePeer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers for one peer."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Answer a request for a file of the price list."""
            status, body, how = peer.file(self.path)
            headers = {"Location": "https://elsewhere.example/"} if status == 302 else {}
            self._send(status, body, cut=how == "cut", **headers)

        def do_POST(self) -> None:
            """Answer an action of EC2."""
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            peer.asked.append(form["Action"])
            peer.spot_asked.append(form)
            if peer.denied:
                why = "You are not authorized to perform: ec2:DescribeSpotPriceHistory"
                self._send(
                    403,
                    "<Response><Errors><Error><Code>UnauthorizedOperation</Code>"
                    f"<Message>{why}</Message></Error></Errors></Response>".encode(),
                )
            else:
                self._send(200, peer.history(form).encode())

        def _send(self, status: int, body: bytes, *, cut: bool = False, **headers: str) -> None:
            self.send_response(status)
            if "gzip" in self.headers.get("Accept-Encoding", "") and self.path.endswith(".csv") and not cut:
                body = gzip.compress(body, mtime=0)
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            for name, text in headers.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if cut else body)
            self.close_connection = cut

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- http.server's name
            """Say nothing."""

    return Handler
