"""From all clusters to one pod, by links, and back by the way that stands above."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from acme import Acme
from builders import a_charge
from door import Site, site
from pages_read import HOSTILE, HTML, words


def tags(cluster: str, namespace: str, workload: str, pod: str) -> dict[str, str]:
    return {
        "k8s-cluster": cluster,
        "k8s-namespace": namespace,
        "k8s-workload-name": workload,
        "k8s-pod": pod,
    }


@pytest.fixture(scope="module")
def clustered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    rows = [
        a_charge(start="2026-06-10", EffectiveCost="5", Tags=tags("prod", "shop", "web", "web-1")),
        a_charge(start="2026-06-10", EffectiveCost="4", Tags=tags("prod", "shop", "web", "web-2")),
        a_charge(start="2026-06-10", EffectiveCost="3", Tags=tags("prod", HOSTILE[0], "w,1", "p")),
        a_charge(start="2026-06-10", EffectiveCost="2", Tags={"k8s-cluster": "prod"}, ResourceId="i-idle"),
        a_charge(start="2026-06-10", EffectiveCost="1", Tags={}, ResourceId="i-vm"),
    ]
    made = site(Acme(folder=tmp_path_factory.mktemp("clustered")).collected(*rows))
    yield made
    made.services.close()


def read(pages: Site, path: str) -> str:
    answer = pages.client().get(path, headers=HTML)
    assert answer.status_code == 200, answer.text
    return answer.text


def way(text: str) -> tuple[list[str], list[str]]:
    """Give the words of the way, and where its links lead."""
    found = re.search(r'<nav class="crumbs".*?</nav>', text, re.DOTALL)
    if found is None:
        return [], []
    parts = re.findall(r"<li>.*?</li>", found[0], re.DOTALL)
    return [words(part) for part in parts], [unescape(url) for url in re.findall(r'href="([^"]+)"', found[0])]


def follow(pages: Site, text: str, name: str) -> str:
    """Click on a name in the table."""
    row = re.search(rf'<th scope="row"><a href="([^"]+)">{re.escape(name)}</a>', text)
    assert row is not None, f"{name} is no link in the table"
    return read(pages, unescape(row[1]))


def test_a_company_without_clusters_is_not_asked_for_one(pages: Site) -> None:
    assert "By cluster" not in read(pages, "/costs?from=2026-06")


def test_names_lead_from_the_clusters_to_one_pod(clustered: Site) -> None:
    text = read(clustered, "/costs?from=2026-06")
    link = re.search(r'<p class="crumbs"><a href="([^"]+)">By cluster', text)
    assert link is not None
    text = read(clustered, unescape(link[1]))
    assert way(text)[0] == ["Clusters"]
    text = follow(clustered, text, "prod")
    assert way(text)[0] == ["Clusters", "cluster prod", "Namespaces"]
    text = follow(clustered, text, "shop")
    assert way(text)[0] == ["Clusters", "cluster prod", "namespace shop", "Workloads"]
    text = follow(clustered, text, "web")
    assert way(text)[0][-2:] == ["workload web", "Pods"]
    assert "9.00" in words(text)
    text = follow(clustered, text, "web-2")
    assert way(text)[0][-2:] == ["workload web", "pod web-2"]
    assert "4.00" in words(text)


def test_every_step_of_the_way_leads_back_to_where_it_was_taken(clustered: Site) -> None:
    text = follow(clustered, read(clustered, "/costs?from=2026-06&by=cluster"), "prod")
    text = follow(clustered, follow(clustered, text, "shop"), "web")
    seen = [way(read(clustered, url))[0][-1] for url in way(text)[1]]
    assert seen == ["Clusters", "Namespaces", "Workloads", "Pods"][: len(seen)]
    assert len(seen) == 4
    assert all("from=2026-06" in url for url in way(text)[1])


def test_what_is_in_no_namespace_leads_to_what_kind_of_cost_it_is(clustered: Site) -> None:
    text = follow(clustered, read(clustered, "/costs?from=2026-06&by=cluster"), "prod")
    row = re.search(r'<tr[^>]*>\s*<th scope="row"><a href="([^"]+)">\(none\)</a>', text)
    assert row is not None, text
    assert "by=cost_kind" in row[1]
    assert "2.00" in words(read(clustered, unescape(row[1])))


def test_a_hostile_name_on_the_way_is_only_text(clustered: Site) -> None:
    text = read(clustered, "/costs?from=2026-06&by=workload&where=cluster=prod&where=namespace=%3Cscript*")
    assert "<script>alert" not in text
    text = follow(clustered, read(clustered, "/costs?from=2026-06&by=cluster"), "prod")
    text = follow(clustered, text, "&lt;script&gt;alert(1)&lt;/script&gt;")
    assert way(text)[0][2] == "namespace <script>alert(1)</script>"
    assert "<script>alert" not in text
    assert "3.00" in words(text)


def test_a_filter_for_several_is_no_step_of_the_way(clustered: Site) -> None:
    text = read(clustered, "/costs?from=2026-06&by=namespace&where=cluster=prod,test")
    assert way(text) == (["Clusters", "Namespaces"], ["/costs?by=cluster&from=2026-06"])
