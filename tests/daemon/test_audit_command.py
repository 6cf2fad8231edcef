"""`costd audit`: what people did is listed, proven whole, and its head lies in every digest."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from acme import Acme
from builders import a_charge
from digests import DIGEST

from alerts.digest_text import render
from alerts.slack_digest import digest_message, thread_messages
from alerts.slack_limits import texts_of
from daemon.local_user import local_user
from domain.audit import Head

HEAD = Head(count=1204, hash="9c41e2f0b7d1" + "0" * 52)


@pytest.fixture
def busy(acme: Acme) -> Acme:
    """A company in which things were done."""
    rows = [a_charge(start=f"2026-06-0{day}", BilledCost="1") for day in (1, 2, 3)]
    acme.collected(*rows)
    assert acme.costd("token", "create", "portal", "--role", "agent", "--team", "ml").status == 0
    acme.bill("aws", rows[0])
    assert acme.costd("collect").status == 1
    assert acme.costd("collect", "--force").status == 0
    assert acme.costd("backup", str(acme.folder / "costd.tar")).status == 0
    return acme


def database(acme: Acme) -> Path:
    (found,) = acme.folder.rglob("costd.db")
    return found


def test_what_people_did_is_listed_the_newest_first(busy: Acme) -> None:
    document = busy.costd("audit", "--output", "json").json
    assert document["schema"] == "costd.audit/1"
    rows = document["rows"]
    assert [(row["seq"], row["action"], row["subject"].partition(":")[0]) for row in rows] == [
        (4, "backup.made", "costd.tar"),
        (3, "replacement.forced", "aws 2026-06"),
        (2, "collect.forced", "aws"),
        (1, "token.created", "token"),
    ]
    assert {(row["actor"], row["surface"]) for row in rows} == {(local_user(), "cli")}
    assert json.loads(rows[-1]["detail"])["role"] == "agent"
    assert rows[0]["previous"] == rows[1]["hash"]
    shown = busy.costd("audit", "--limit", "2").out
    assert "2 of 4 rows" in shown
    assert rows[0]["hash"][:12] in shown
    assert rows[3]["hash"][:12] not in shown
    assert busy.costd("audit", "--since", "2026-06-21", "--output", "json").json["rows"] == []


def test_reading_and_collecting_by_the_rules_is_no_act(acme: Acme) -> None:
    acme.collected(a_charge())
    acme.costd("report")
    ran = acme.costd("audit")
    assert "Nothing was recorded yet" in ran.out
    assert acme.costd("audit", "verify").out == "The audit log is whole: 0 rows. Head: 0:000000000000\n"
    assert "audit" not in acme.costd("digest").out


def test_a_whole_log_is_proven_and_its_head_is_in_the_digest(busy: Acme) -> None:
    ran = busy.costd("audit", "verify")
    assert ran.status == 0
    head = ran.lines[0].rpartition(" ")[2]
    assert ran.lines[0] == f"The audit log is whole: 4 rows. Head: {head}"
    assert f"audit {head}" in busy.costd("digest", "--preview").lines[-1]
    assert busy.costd("digest", "--output", "json").json["audit"]["count"] == 4
    busy.costd("token", "create", "another")
    later = busy.costd("audit", "verify", head)
    assert (later.status, "5 rows, and 1 head as shown" in later.out) == (0, True)


def test_a_broken_log_names_its_first_broken_row(busy: Acme) -> None:
    head = busy.costd("audit", "verify").lines[0].rpartition(" ")[2]
    with sqlite3.connect(database(busy)) as connection:
        connection.execute("DROP TRIGGER audit_no_update")
        connection.execute("UPDATE audit SET actor = 'os:nobody' WHERE seq = 2")
    connection.close()
    ran = busy.costd("audit", "verify", head)
    assert ran.status == 1
    assert "broken at row 2: its content was changed" in ran.out
    assert "The 1 rows before it fit" in ran.out


@pytest.mark.parametrize("text", ["9c41e2f0b7d1", "0:9c41e2f0b7d1", "3:xyz", "3:9c41", "three:9c41e2f0b7d1"])
def test_what_is_no_head_is_refused(acme: Acme, text: str) -> None:
    acme.configure()
    ran = acme.costd("audit", "verify", text)
    assert ran.status == 2
    assert "copy it from a digest" in ran.err


def test_the_head_is_in_the_message_and_the_thread_says_what_for() -> None:
    from dataclasses import replace

    digest = replace(DIGEST, audit=HEAD)
    message = digest_message(digest)
    for blocks in (message.json(), message.simple_json()):
        assert "audit 1204:9c41e2f0b7d1" in list(texts_of(blocks))[-1]
    assert "audit" not in "".join(texts_of(digest_message(DIGEST).json()))
    assert render(digest).endswith("audit 1204:9c41e2f0b7d1")
    how = dict(thread_messages(digest))["how"]
    assert "costd audit verify 1204:9c41e2f0b7d1" in "".join(texts_of(how.json()))
