"""What a server of metrics may answer: only whole answers are taken, and credentials never leave."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_door import Answer, Asked, Door, error, flat, serving, success

from collectors.prometheus import web as web_module
from collectors.prometheus.api import Api, Question, Span
from collectors.prometheus.reading import last_hour
from collectors.prometheus.settings import PrometheusSettings
from collectors.prometheus.web import TooMuchError, UnavailableError, Web
from collectors.prometheus_usage import PrometheusUsageCollector
from config.secrets import Secret
from daemon.clock import FixedClock
from daemon.progress import Silent
from domain.errors import SourceError
from domain.probe import Health

START = datetime(2026, 11, 20, tzinfo=UTC)
STEP = timedelta(minutes=5)
HOUR = Span(start=START + STEP, end=START + timedelta(hours=1), step=STEP)
QUESTION = Question(name="cpu", text="rate(cpu{$C}[5m])", labels=("namespace", "pod"), family="cpu")


@pytest.fixture
def door() -> Iterator[Door]:
    with serving() as one:
        yield one


def settings(door: Door, **more: Any) -> PrometheusSettings:
    return PrometheusSettings.model_validate({"name": "metrics", "url": door.url, "cluster": "prod", **more})


def api(door: Door, **more: Any) -> Api:
    made = settings(door, **more)
    return Api(web=Web(made), matcher=made.matcher, sleep=lambda _: None)


def test_an_answer_is_a_frame_by_the_wanted_labels(door: Door) -> None:
    door.answer = lambda asked: success(
        flat(asked, 1.5, namespace="monitoring", exported_namespace="shop", pod="ksm", exported_pod="web")
    )
    frame = api(door).frame(QUESTION, HOUR)
    assert frame.height == 12
    assert frame.row(0) == ("shop", "web", START + STEP, 1.5)


def test_values_that_are_no_number_are_left_out(door: Door) -> None:
    values = [[START.timestamp(), "NaN"], [START.timestamp() + 300, "+Inf"], [START.timestamp() + 600, "2"]]
    door.answer = lambda _: success({"metric": {"pod": "a"}, "values": values})
    assert api(door).frame(QUESTION, HOUR)["value"].to_list() == [2.0]


def test_paths_before_the_api_are_kept_and_a_pasted_end_is_cut(door: Door) -> None:
    for prefix in ("/prometheus", "/select/0/prometheus", "/prometheus/api/v1", "/prometheus/graph", ""):
        api(door, url=door.url + prefix).series(QUESTION, HOUR)
        path = prefix.removesuffix("/api/v1").removesuffix("/graph")
        assert door.asked[-1].path == f"{path}/api/v1/query_range"


def test_logins_and_headers_are_sent(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_SECRET", "s3cret-value")
    secret = Secret("env", "METRICS_SECRET")
    api(door, token=secret, headers={"X-Scope-OrgID": "platform", "X-Key": "${env:METRICS_SECRET}"}).series(
        QUESTION, HOUR
    )
    assert door.asked[-1].headers["authorization"] == "Bearer s3cret-value"
    assert door.asked[-1].headers["x-scope-orgid"] == "platform"
    assert door.asked[-1].headers["x-key"] == "s3cret-value"
    api(door, username="costd", password=secret).series(QUESTION, HOUR)
    assert door.asked[-1].headers["authorization"] == "Basic Y29zdGQ6czNjcmV0LXZhbHVl"


def test_the_cluster_is_matched_and_its_value_cannot_break_out(door: Door) -> None:
    api(door, cluster_label="cluster", cluster_value='a"}) or vector(1) #').series(QUESTION, HOUR)
    assert door.asked[-1].form["query"] == 'rate(cpu{cluster="a\\"}) or vector(1) #"}[5m])'


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_login_says_what_to_configure(door: Door, status: int) -> None:
    door.answer = lambda _: Answer(status=status, body=b"no org id")
    with pytest.raises(SourceError, match="refuses the login") as raised:
        api(door).series(QUESTION, HOUR)
    assert "X-Scope-OrgID" in raised.value.hint
    assert len(door.asked) == 1


@pytest.mark.parametrize(
    "refusal",
    [
        error(
            422, "execution", "query processing would load too many samples into memory in query execution"
        ),
        error(400, "bad_data", "exceeded maximum resolution of 11,000 points per timeseries"),
        error(503, "timeout", "query timed out in expression evaluation"),
    ],
)
def test_a_question_that_is_too_large_is_asked_in_parts(door: Door, refusal: Answer) -> None:
    door.answer = lambda asked: success(flat(asked, 1, pod="a")) if asked.points <= 3 else refusal
    one = api(door)
    frame = one.frame(QUESTION, HOUR)
    assert frame["at"].to_list() == [START + STEP * number for number in range(1, 13)]
    before = len(door.asked)
    one.frame(QUESTION, HOUR)
    assert len(door.asked) - before == 4  # it was learnt how much goes


def test_what_is_too_large_even_at_one_instant_is_asked_by_namespace(door: Door) -> None:
    def answer(asked: Asked) -> Answer:
        query = asked.form["query"]
        if query.startswith("count by"):
            return success(*(flat(asked, 1, namespace=f"team.{number}") for number in range(3)))
        if "namespace=~" not in query or "|" in query:
            return error(422, "execution", "too many samples")
        name = query.split('namespace=~"')[1].split('"')[0].replace("\\\\", "")
        return success(flat(asked, 1, namespace=name, pod="a"))

    door.answer = answer
    frame = api(door).frame(QUESTION, Span(start=START, end=START, step=STEP))
    assert sorted(frame["namespace"].to_list()) == ["team.0", "team.1", "team.2"]


def test_an_answer_beyond_the_bound_is_not_kept_in_memory(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_module, "MOST_BYTES", 1000)
    door.answer = lambda asked: success(flat(asked, 1, pod="a" * 750))
    assert api(door).frame(QUESTION, HOUR).height == 12
    assert len(door.asked) > 2
    door.answer = lambda asked: success(flat(asked, 1, pod="a" * 10**6))
    with pytest.raises(TooMuchError):
        api(door).frame(Question(name="x", text="x", labels=()), HOUR)


def test_long_spans_are_cut_at_eleven_thousand_points(door: Door) -> None:
    api(door).series(QUESTION, Span(start=START, end=START + timedelta(days=100), step=STEP))
    assert [asked.points <= 11_000 for asked in door.asked] == [True, True, True]
    assert sum(asked.points for asked in door.asked) == 100 * 288 + 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_again(door: Door, status: int) -> None:
    waited: list[float] = []
    answers = [Answer(status=status, headers={"retry-after": "7"}, body=b"busy"), success()]
    door.answer = lambda _: answers.pop(0)
    one = Api(web=Web(settings(door)), sleep=waited.append)
    assert one.series(QUESTION, HOUR) == []
    assert waited == [7.0]


def test_a_server_that_stays_busy_is_said_to_be(door: Door) -> None:
    door.answer = lambda _: Answer(status=503, body=b"overloaded")
    with pytest.raises(UnavailableError, match="cannot answer now: status 503"):
        api(door).series(QUESTION, HOUR)
    assert len(door.asked) == 3


@pytest.mark.parametrize(
    "part",
    [
        {"warnings": ["fetch series for {cluster=b} Addr: store-2: context deadline exceeded"]},
        {"isPartial": True},
    ],
)
def test_part_of_an_answer_is_never_taken_for_all_of_it(door: Door, part: dict[str, Any]) -> None:
    door.answer = lambda asked: success(flat(asked, 1, pod="a"), **part)
    with pytest.raises(UnavailableError, match="only part of an answer"):
        api(door).series(QUESTION, HOUR)
    assert door.asked[-1].form["partial_response"] == "false"


def test_notes_about_promql_are_no_missing_parts(door: Door) -> None:
    said = {"infos": ["PromQL info: metric might not be a counter"], "warnings": ["PromQL warning: mixed"]}
    door.answer = lambda asked: success(flat(asked, 1, pod="a"), **said)
    assert api(door).frame(QUESTION, HOUR).height == 12


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<html>Sign in</html>", "did not answer as Prometheus does"),
        (b"[]", "did not answer as Prometheus does"),
        (b'{"status":"success","data":{"result":"x"}}', "something else than series"),
        (b'{"status":"success"}', "something else than series"),
        (b'{"status":"success","data":{"result":[1]}}', "something else than series"),
    ],
)
def test_what_is_no_answer_of_prometheus_is_refused(door: Door, body: bytes, text: str) -> None:
    door.answer = lambda _: Answer(body=body)
    with pytest.raises(SourceError, match=text):
        api(door).series(QUESTION, HOUR)


def test_a_redirect_is_not_followed_and_the_token_stays_here(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METRICS_SECRET", "s3cret-value")
    with serving() as elsewhere:
        door.answer = lambda _: Answer(status=302, headers={"location": f"{elsewhere.url}/login?next=secret"})
        with pytest.raises(SourceError, match="redirects to") as raised:
            api(door, token=Secret("env", "METRICS_SECRET")).series(QUESTION, HOUR)
        assert elsewhere.asked == []
    assert "login" not in str(raised.value)


def test_metadata_services_are_sent_nothing() -> None:
    where = PrometheusSettings(name="metrics", url="http://169.254.169.254/prometheus", cluster="prod")
    with pytest.raises(SourceError, match="nothing is sent there"):
        Api(web=Web(where), sleep=lambda _: None).series(QUESTION, HOUR)


def test_an_answer_that_takes_too_long_ends_the_waiting(door: Door) -> None:
    door.answer = lambda _: Answer(delay=0.6, body={})
    hasty = settings(door).model_copy(update={"timeout": timedelta(seconds=0.2)})
    slow = Api(web=Web(hasty), sleep=lambda _: None)
    question = Question(name="x", text="x", labels=())
    with pytest.raises(TooMuchError, match="did not answer within"):
        slow.series(question, Span(start=START, end=START, step=STEP))


def test_a_stretch_that_fails_leaves_those_before_it(door: Door) -> None:
    def answer(asked: Asked) -> Answer:
        late = float(asked.form.get("end", "0")) > (START + timedelta(hours=12)).timestamp()
        if "kube_node_info" not in asked.form["query"] or "start" not in asked.form:
            return success()
        is_search = asked.form["query"].startswith("max_over_time(count(kube_node_info")
        return (
            error(500, "internal", "disk on fire")
            if late and not is_search
            else success(flat(asked, 3600, node="n1", provider_id="x"))
        )

    door.answer = answer
    clock = FixedClock(at=START + timedelta(hours=18, minutes=15))
    collector = PrometheusUsageCollector(settings(door, since="18h"), clock=clock)
    batches = collector.fetch_usage({}, progress=Silent()).batches
    given = [next(batches).cursor["through"] for _ in range(2)]
    assert given == ["2026-11-20T06:00:00+00:00", "2026-11-20T12:00:00+00:00"]
    with pytest.raises(SourceError, match="disk on fire"):
        next(batches)


def test_of_a_large_cluster_fewer_hours_are_read_at_once(door: Door) -> None:
    def answer(asked: Asked) -> Answer:
        query = asked.form["query"]
        if asked.path.endswith("/query"):
            return success({"metric": {}, "value": [0, "5000"]})
        return success(flat(asked, 60, node="n1")) if "kube_node_info" in query else success()

    door.answer = answer
    clock = FixedClock(at=START + timedelta(hours=4, minutes=15))
    fetch = PrometheusUsageCollector(settings(door, since="4h"), clock=clock).fetch_usage(
        {}, progress=Silent()
    )
    assert [(batch.end - batch.start) // timedelta(hours=1) for batch in fetch.batches] == [2, 2]


def test_until_the_next_hour_is_due_nothing_is_asked(door: Door) -> None:
    clock = FixedClock(at=START + timedelta(hours=4, minutes=55))
    collector = PrometheusUsageCollector(settings(door), clock=clock)
    fetch = collector.fetch_usage({"through": "2026-11-20T04:00:00+00:00"}, progress=Silent())
    assert list(fetch.batches) == []
    assert door.asked == []


def test_the_probe_says_what_breaks_for_every_bad_answer(door: Door) -> None:
    for answer in (
        Answer(status=401, body=b""),
        Answer(body=b"<html>"),
        Answer(status=404, body=b"not found"),
    ):
        door.answer = lambda _, answer=answer: answer
        found = PrometheusUsageCollector(settings(door), clock=FixedClock(at=START)).probe()
        assert [probe.health for probe in found] == [Health.FAIL]
        assert found[0].breaks
        assert found[0].fix


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://host"},
        {"url": "http://user:pass@host"},
        {"url": "http://host/?tenant=1"},
        {"username": "costd"},
        {"cluster_value": "x"},
        {"headers": {"Authorization": "x"}},
        {"headers": {"X-A": "a\nb"}},
        {"token": "in clear text"},
    ],
)
def test_settings_that_cannot_work_are_refused(door: Door, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        settings(door, **wrong)


def test_several_clusters_behind_one_address_are_refused_unless_one_is_named(door: Door) -> None:
    def answer(asked: Asked) -> Answer:
        if "kube_node_info" in asked.form["query"] and asked.path.endswith("/query"):
            point = [float(asked.form["time"]), "3"]
            return success(*({"metric": {"cluster": name}, "value": point} for name in ("eu", "us")))
        return success()

    door.answer = answer
    clock = FixedClock(at=START + timedelta(hours=3))
    plain = PrometheusUsageCollector(settings(door), clock=clock)
    with pytest.raises(SourceError, match=r"several clusters \(cluster is eu, us\)") as caught:
        plain.fetch_usage({}, progress=Silent())
    assert "cluster_label: cluster" in caught.value.hint
    assert any("several clusters" in probe.breaks for probe in plain.probe())
    named = PrometheusUsageCollector(settings(door, cluster_label="cluster"), clock=clock)
    with pytest.raises(SourceError, match="has no metrics of a cluster"):
        named.fetch_usage({}, progress=Silent())


@pytest.mark.parametrize(
    "one",
    [
        {"metric": {}, "values": [[1, 2]]},
        {"metric": {}, "values": [["a", "2"]]},
        {"metric": {}, "values": [5]},
        {"metric": {}, "values": "x"},
        {"metric": {}, "values": [[1e300, "1"]]},
        {"metric": {}, "values": [[1, "1"], 5]},
        {"metric": [], "values": [[1, "2"]]},
        {"metric": {"pod": 5}, "values": [[1, "2"]]},
        {"values": [[1, "2"]]},
    ],
)
def test_series_of_another_shape_are_refused(one: Any, door: Door) -> None:
    door.answer = lambda _: success(one)
    with pytest.raises(SourceError, match="something else than series"):
        api(door).frame(QUESTION, HOUR)


def test_series_of_histograms_alone_count_as_none(door: Door) -> None:
    door.answer = lambda _: success({"metric": {"pod": "a"}, "histograms": []})
    assert api(door).frame(QUESTION, HOUR).is_empty()


@pytest.mark.parametrize("value", ["NaN", "+Inf", "1e400", "x"])
def test_a_count_that_is_no_number_stops_nothing(value: str, door: Door) -> None:
    door.answer = lambda asked: (
        success({"metric": {}, "value": [0, value]})
        if asked.path.endswith("/query")
        else success(flat(asked, 1.0))
    )
    made = PrometheusUsageCollector(
        settings(door, since="3h"), clock=FixedClock(at=START + timedelta(hours=3, minutes=15))
    )
    assert made.fetch_usage({}, progress=Silent()).coverage.delivered_through == START + timedelta(hours=3)
    assert list(made.fetch_usage({}, progress=Silent()).batches)


@pytest.mark.parametrize("secret", ["CANARY-1\nsecond", "CANARY-1\x01", "CANARY-1é"])
def test_a_token_that_cannot_be_sent_is_said_without_it(
    secret: str, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METRICS_SECRET", secret)
    with pytest.raises(SourceError, match="no header may have") as caught:
        api(door, token=Secret("env", "METRICS_SECRET")).series(QUESTION, HOUR)
    assert "CANARY" not in str(caught.value)
    assert not door.asked


def test_hours_before_a_long_silence_are_read_all_the_same(door: Door) -> None:
    silent = START - timedelta(days=9)

    def answer(asked: Asked) -> Answer:
        if asked.path.endswith("/query") or float(asked.form["start"]) > silent.timestamp():
            return success()
        one = flat(asked, 1.0)
        values = [point for point in one["values"] if point[0] <= silent.timestamp()]
        return success({**one, "values": values})

    door.answer = answer
    assert last_hour(api(door), START - timedelta(days=12), START) == silent
