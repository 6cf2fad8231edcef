"""The Sources page says how far to trust the figures, and what to do where they fall short."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import polars as pl
import pytest
from acme import Acme
from builders import a_batch, a_charge, a_chunk
from door import Site, site
from idle_company import every_kind, idle_site
from pages_read import HTML, words

from domain.allocation import SPLIT_SCHEMA
from domain.delivery import Closing


def page(made: Site) -> str:
    answer = made.client().get("/sources", headers=HTML)
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.fixture(scope="module")
def sources(pages: Site) -> str:
    return page(pages)


def test_every_source_says_its_state_and_how_far_it_reaches(sources: str) -> None:
    assert "Every source is fresh" in words(sources)
    assert re.search(r"aws focus_files fresh the end of Fri 19 Jun UTC .* every 6 h 111 0", words(sources))


def test_coverage_of_every_owner_field_leads_to_what_has_no_owner(pages: Site, sources: str) -> None:
    for field in ("team", "service", "model", "environment", "pull request"):
        assert f'<th scope="row">{field}</th>' in sources
    link = unescape(re.findall(r'href="(/costs[^"]*team=unallocated[^"]*)"', sources)[0])
    report = pages.client().get(link.replace("/costs?", "/v1/report?")).json()
    assert [row["cost"] for row in report["rows"]] == ["137.75"]


def test_the_largest_resources_without_a_team_are_named(sources: str) -> None:
    table = sources[sources.index('id="unowned"') :]
    assert words(table[table.index("<tbody>") : table.index("</tbody>")]).startswith("i-nobody")


def test_periods_stand_newest_first_with_what_was_billed(sources: str) -> None:
    table = sources[sources.index('id="periods"') :]
    assert re.findall(r'<th scope="row" class="nowrap">([^<]+)', table)[:2] == ["2026-06", "2026-05"]


def test_periods_say_whether_they_may_change_and_what_the_gates_said(pages: Site, sources: str) -> None:
    table = sources[sources.index('id="periods"') :]
    told = words(table[: table.index("</table>")])
    assert re.search(r"2026-06 aws open passed [\d,]+ ", told)
    assert re.search(r"2026-05 aws unknown passed [\d,]+ ", told)
    assert "Split rows" not in told
    rows = pages.client().get("/v1/status").json()["periods"]
    assert [
        (row["period"], row["state"], row["gates"], row["split_rows"], row["closes_at"]) for row in rows
    ] == [
        ("2026-05", "unknown", "passed", 0, None),
        ("2026-06", "open", "passed", 0, None),
    ]


def test_closed_reopened_and_split_periods_say_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    made = site(closing(Acme(folder=tmp_path_factory.mktemp("closing"))))
    try:
        text = page(made)
        rows = made.client().get("/v1/status").json()["periods"]
    finally:
        made.services.close()
    told = words(text[text.index('id="periods"') :])
    assert "Charges Split rows Billed" in told
    assert re.search(r"2026-05 aws open closes 2026-06-25 00:00Z passed 1 2 ", told)
    assert re.search(r"2026-04 aws reopened closes 2026-06-25 00:00Z passed 1 0 ", told)
    assert re.search(r"2026-03 aws closed passed 1 0 ", told)
    assert {row["period"]: row["closes_at"] for row in rows}["2026-03"] == "2026-04-20T00:00:00Z"
    assert {row["period"]: row["split_rows"] for row in rows} == {"2026-03": 0, "2026-04": 0, "2026-05": 2}


def closing(acme: Acme) -> Acme:
    """Store three months: one closed, one changed after it was closed, one that closes soon."""
    acme.configure("aws")
    made = site(acme)
    shares = pl.DataFrame([dict.fromkeys(SPLIT_SCHEMA)] * 2, schema=SPLIT_SCHEMA).with_columns(
        BillingPeriodStart=datetime(2026, 5, 1, tzinfo=UTC)
    )
    try:
        for period, seen, closes, split in (
            ("2026-03", datetime(2026, 4, 6, tzinfo=UTC), datetime(2026, 4, 20, tzinfo=UTC), None),
            ("2026-04", datetime(2026, 5, 6, tzinfo=UTC), datetime(2026, 5, 20, tzinfo=UTC), None),
            ("2026-04", datetime(2026, 6, 11, tzinfo=UTC), datetime(2026, 6, 25, tzinfo=UTC), None),
            ("2026-05", datetime(2026, 6, 11, tzinfo=UTC), datetime(2026, 6, 25, tzinfo=UTC), shares),
        ):
            charge = a_charge(start=f"{period}-10")
            final = Closing(closes_at=closes)
            made.services.ledger.replace(
                a_batch(
                    chunks=[a_chunk(charge, allocations=split)],
                    periods=[period],
                    source="aws",
                    manifest_hash=f"{seen}",
                    closing=lambda _, final=final: final,
                ),
                seen_at=seen,
            )
    finally:
        made.services.close()
    return acme


def test_costd_says_what_it_takes_itself(sources: str) -> None:
    told = words(sources)
    assert re.search(r"Charges stored 111 Deliveries 2 On disk [\d.]+ KiB", told)
    assert "Ledger" in told


def test_a_late_source_says_why_and_what_to_run(company: Acme) -> None:
    made = site(company)
    made.clock.at = made.clock.at.replace(day=23)
    try:
        told = words(page(made))
    finally:
        made.services.close()
    assert "1 source needs attention" in told
    assert "Collect it now: costd collect aws" in told


def test_rows_that_could_not_be_read_are_told_with_file_line_and_reason(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    acme = Acme(folder=tmp_path_factory.mktemp("unreadable"))
    acme.configure("aws")
    good = [a_charge(start="2026-06-10", ResourceId=f"i-{at}") for at in range(300)]
    bill = acme.bill("aws", *good, a_charge(start="2026-06-11", EffectiveCost="77.125"))
    bill.write_text(bill.read_text().replace("77.125", "<script>alert(1)</script>"))
    acme.costd("collect")
    made = site(acme)
    try:
        text = page(made)
    finally:
        made.services.close()
    assert "1 row of" in words(text)
    assert "302" in words(text[text.index("<details>") : text.index("</details>")])
    assert "<script>alert" not in text


def test_an_unfinished_set_up_says_what_to_do(tmp_path_factory: pytest.TempPathFactory) -> None:
    made = site(Acme(folder=tmp_path_factory.mktemp("empty")))
    try:
        assert "costd collect" in page(made)
    finally:
        made.services.close()


def test_every_link_of_every_page_leads_somewhere(pages: Site) -> None:
    client = pages.client()
    seen: set[str] = set()
    for start in ("/", "/costs", "/sources", "/costs?step=day&from=2026-06-18"):
        text = client.get(start, headers=HTML).text
        seen.update(unescape(found) for found in re.findall(r'(?:href|src)="(/[^"]*)"', text))
    assert len(seen) > 40
    broken = [url for url in sorted(seen) if client.get(url, headers=HTML).status_code != 200]
    assert broken == []


def test_what_is_measured_of_a_cluster_stands_with_its_hours(tmp_path: Path) -> None:
    made = idle_site(tmp_path, every_kind())
    try:
        told = words(page(made))
        document = made.client().get("/v1/status").json()
    finally:
        made.services.close()
    assert "prod k8s Sat 20 Jun 06:00 UTC 336 of 336 1 4 all" in told
    (cluster,) = document["clusters"]
    assert (cluster["hours"], cluster["of"], cluster["nodes"], cluster["measured"]) == (336, 336, 1, 4)


def test_without_usage_nothing_is_said_of_clusters(sources: str) -> None:
    assert "measured of each cluster" not in sources
