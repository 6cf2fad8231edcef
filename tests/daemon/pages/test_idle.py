"""The Idle page: every finding with its evidence, unknown apart, and why nothing stands there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from acme import Acme
from builders import a_charge
from door import NOW, Site, site
from idle_company import REACH, device_rows, every_kind, idle_finding, idle_site, pod, store
from pages_read import HOSTILE, HTML, words

from daemon.idle import Reach
from domain.finding import Verdict


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = idle_site(tmp_path_factory.mktemp("idle"), every_kind())
    yield made
    made.services.close()


def read(pages: Site, query: str = "", status: int = 200) -> str:
    answer = pages.client().get(f"/idle{query}", headers=HTML)
    assert answer.status_code == status, answer.text
    return answer.text


def card(text: str, name: str) -> str:
    """Give the card of a thing."""
    articles = re.findall(r'<article class="finding".*?</article>', text, re.DOTALL)
    (one,) = [article for article in articles if name in article]
    return str(one)


def test_a_card_says_what_whose_since_when_and_how_much(found: Site) -> None:
    told = words(card(read(found), "trainer-7f9c-x2k4p"))
    for said in (
        "held and idle · high confidence",
        "pod trainer-7f9c-x2k4p",
        "prod / research / deployment trainer",
        "$3.50 per hour",
        "$84.00 per day",
        "$444.50 for 5 d",
        "Owner ml since 2026-06-14 22:00Z",
        "Scale deployment trainer to 0 until it is needed.",
        "Rule gpu-idle · prod/pod/research/trainer-7f9c-x2k4p",
    ):
        assert said in told


def test_a_card_has_what_speaks_for_it_against_it_and_what_nobody_knows(found: Site) -> None:
    told = words(card(read(found), "trainer-7f9c-x2k4p"))
    begins = [told.index(part) for part in ("Speaks for it", "Speaks against it", "Not known")]
    assert begins == sorted(begins)
    parts = [told[begin:] for begin in begins]
    assert "GPU activity, highest 0.4 %" in parts[0].split("Speaks against")[0]
    assert "power, average 118 W" in parts[1].split("Not known")[0]
    assert "requests at once, most not measured" in parts[2]


def test_a_cost_that_nobody_knows_is_unknown_and_in_no_sum(found: Site) -> None:
    text = read(found)
    told = words(card(text, "old-report"))
    assert "Costs unknown" in told
    assert "So far unknown" in told
    assert "0.00" not in told
    assert "1 finding of unknown cost is in no sum" in words(text)


def test_sums_stand_by_team_with_nobody_last(found: Site) -> None:
    text = read(found)
    body = text[text.index("<tbody>") : text.index("</tfoot>")]
    found_rows = [words(row) for row in re.findall(r"<tr.*?</tr>", body, re.DOTALL)]
    assert found_rows[0] == "ml 3.50 444.50 1 held and idle"
    assert found_rows[-2] == "unallocated 9.75 58.50 1 free"
    assert found_rows[-1] == "Total 14.39 649.84 4 findings"
    assert "$14.39 per hour" in words(text)


def test_what_two_rules_found_is_summed_once(tmp_path: Path) -> None:
    twice = (idle_finding(), idle_finding(rule="other", verdict=Verdict.ABANDONED))
    made = idle_site(tmp_path, twice)
    try:
        text = read(made)
    finally:
        made.services.close()
    assert "$3.50 per hour 2 findings, $444.50 since they began" in words(text)
    assert '<a href="#finding-2">pod abandoned</a>' in text
    assert '<a href="#finding-1">pod held and idle</a>' in text


def test_unknown_is_no_card_and_says_why(found: Site) -> None:
    text = read(found)
    assert "notebook-anna" not in "".join(re.findall(r"<article.*?</article>", text, re.DOTALL))
    below = words(text[text.index('id="unknown"') :])
    assert (
        "notebook-anna test / research / pod ml gpu-idle GPU activity is not measured on this node" in below
    )
    assert "nothing is ever proposed for these" in below


def test_what_is_at_work_is_counted_and_shown_when_asked_for(found: Site) -> None:
    text = read(found)
    assert "server-1" not in text
    link = re.search(r'<a href="(/idle[^"]*)">1 thing at work', text)
    assert link is not None
    working = read(found, unescape(link[1]).removeprefix("/idle"))
    assert "server-1" in working
    assert "trainer-7f9c-x2k4p" not in working


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?team=web", {"api", "old-report"}),
        ("?team=unallocated", {"ip-10-0-7-21"}),
        ("?cluster=test", {"api", "old-report"}),
        ("?verdict=free", {"ip-10-0-7-21"}),
        ("?team=web&verdict=oversized", {"api"}),
    ],
)
def test_filters_keep_what_they_say(found: Site, query: str, names: set[str]) -> None:
    text = read(found, query)
    heads = re.findall(r"<h3[^>]*>.*?</h3>", text, re.DOTALL)
    assert {words(head).split()[-1] for head in heads} == names
    assert "Without the filters" in text


def test_a_filter_that_fits_nothing_leads_back(found: Site) -> None:
    text = read(found, "?team=nobody-there")
    assert "Nothing fits these filters" in words(text)
    assert 'href="/idle">Without the filters' in text


@pytest.mark.parametrize("query", ["?verdict=lazy", "?teem=ml"])
def test_a_question_that_cannot_be_read_is_refused_in_words(found: Site, query: str) -> None:
    assert "This question cannot be answered" in read(found, query, 400)


def test_the_hours_of_each_gpu_are_drawn_with_a_sentence(found: Site) -> None:
    text = read(found)
    node = card(text, "ip-10-0-7-21")
    assert node.count('<svg class="strip"') == 2
    assert "GPU-77aa0001-0000-0001: at most 0 % active in the last 14 days" in node
    working = card(read(found, "?verdict=working"), "server-1")
    assert "50 of 336 hours not measured" in working
    assert "6 Jun" in words(working)


def test_hostile_names_are_only_text(found: Site) -> None:
    text = read(found)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert HOSTILE[3] not in words(text), "a long name is cut"


def test_a_name_leads_to_what_the_thing_cost(found: Site) -> None:
    one = card(read(found), "trainer-7f9c-x2k4p")
    link = re.search(r'<h3.*?<a href="([^"]+)"', one, re.DOTALL)
    assert link is not None
    url = unescape(link[1])
    assert {"where=cluster=prod", "where=namespace=research", "where=pod=trainer-7f9c-x2k4p"} <= set(
        url.partition("?")[2].split("&")
    )
    assert found.client().get(url, headers=HTML).status_code == 200


def test_without_a_source_of_usage_it_says_what_to_add(tmp_path: Path) -> None:
    made = idle_site(tmp_path, usage=False)
    try:
        told = words(read(made))
    finally:
        made.services.close()
    assert "Nothing measures your clusters" in told
    assert "costd doctor" in told
    assert "prometheus or kubernetes" in told


def test_hours_without_any_finding_say_that_the_rules_found_nothing(tmp_path: Path) -> None:
    made = idle_site(tmp_path)
    try:
        told = words(read(made))
    finally:
        made.services.close()
    assert "The rules found nothing to look at" in told
    assert "costd idle rules" in told


def test_where_all_is_at_work_it_says_so(tmp_path: Path) -> None:
    made = idle_site(tmp_path, [one for one in every_kind() if one.verdict is Verdict.WORKING])
    try:
        told = words(read(made))
    finally:
        made.services.close()
    assert "All at work" in told
    assert "Nothing idle was found" in told


def test_many_findings_are_cut_and_counted(tmp_path: Path) -> None:
    many = [idle_finding(resource=pod(f"pod-{at}", f"u-{at}"), workload=None) for at in range(43)]
    made = idle_site(tmp_path, many)
    try:
        text = read(made)
    finally:
        made.services.close()
    assert text.count('<article class="finding"') == 40
    assert "3 more findings" in words(text)
    assert "43 findings" in words(text)


def test_the_same_findings_come_as_csv_and_json(found: Site) -> None:
    text = read(found, "?team=web")
    links = [unescape(url) for url in re.findall(r'href="(/v1/idle[^"]+)"', text)]
    csv, document = (found.client().get(url) for url in links)
    assert csv.headers["content-type"].startswith("text/csv")
    assert "old-report" in csv.text
    assert "trainer-7f9c" not in csv.text
    rows = document.json()["rows"]
    assert document.json()["schema"] == "costd.idle/1"
    assert [row["name"] for row in rows] == ["api", "old-report"]
    assert rows[0]["cost_per_hour"] == "0.0425"
    assert rows[1]["cost_per_hour"] is None
    assert rows[0]["evidence_for"][0] == "idle without a break: 127 h, the rule asks for 1 h"


def test_findings_are_judged_once_for_all_who_ask(tmp_path: Path) -> None:
    asked = []
    made = idle_site(tmp_path, every_kind())
    judge = made.services.idle._judge
    made.services.idle._judge = lambda rooms, answers: (asked.append(1), judge(rooms, answers))[1]
    try:
        client = made.client()
        for path in ("/idle", "/idle?team=ml", "/v1/idle", "/metrics", "/metrics"):
            assert client.get(path).status_code == 200
    finally:
        made.services.close()
    assert len(asked) == 1


def test_hours_that_are_old_are_told(tmp_path: Path) -> None:
    late = Reach(cluster="test", through=NOW - timedelta(days=2), gpus=False, is_stale=True)
    made = idle_site(tmp_path, every_kind(), reach=(*REACH, late))
    try:
        told = words(read(made))
    finally:
        made.services.close()
    assert "test is known only to Thu 18 Jun 06:00 UTC" in told
    assert "Hours are known to Sat 20 Jun 06:00 UTC" in told


def test_the_rules_in_force_judge_what_is_stored(tmp_path: Path) -> None:
    made = site(Acme(folder=tmp_path).collected(a_charge(start="2026-06-10")))
    try:
        store(made, [{**row, "model": "H100"} for row in device_rows() if row["hour"].day > 15])
        text = read(made)
    finally:
        made.services.close()
    node = words(card(text, "ip-10-0-7-21"))
    assert "free" in node
    assert "Costs unknown" in node
    assert text.count("GPU-77aa0001") >= 2
