"""Drawings say in pixels what tables say in digits, and escape every name."""

from __future__ import annotations

import itertools
import re
from decimal import Decimal
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from daemon.charts import NARROW, WIDE, Columns, Frame, Series, columns, nice_top
from daemon.sparks import bar, sparkline

AMOUNTS = st.decimals(min_value=-10_000, max_value=10_000, places=2, allow_nan=False)


def chart(*series: Series, **fields: object) -> Columns:
    times = tuple(f"{at} Nov" for at in range(len(series[0].values)))
    return Columns(**{"title": "Cost", "times": times, "series": series, **fields})  # type: ignore[arg-type]  # fields of a test


def series(*values: str, name: str = "web", style: str = "s1") -> Series:
    return Series(name=name, style=style, values=tuple(map(Decimal, values)))


def test_heights_are_in_the_ratio_of_the_amounts() -> None:
    drawing = columns(chart(series("100", "50", "25")), WIDE)
    heights = [float(found) for found in re.findall(r'<g><rect class="s1".*?height="([\d.]+)"', drawing)]
    assert [round(height / heights[0], 2) for height in heights] == [1.0, 0.5, 0.25]


def test_credits_hang_below_zero() -> None:
    drawing = columns(chart(series("10"), series("-4", name="credit", style="s2")), WIDE)
    zero = float(re.search(r'class="zero".*?y1="([\d.]+)"', drawing)[1])  # type: ignore[index]  # it is there
    below = float(re.search(r'<rect class="s2" x="[\d.]+" y="([\d.]+)"', drawing)[1])  # type: ignore[index]  # it is there
    assert below == zero


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=1, max_size=40), st.sampled_from([WIDE, NARROW]))
def test_every_drawing_is_well_formed_and_inside_its_frame(
    pairs: list[tuple[Decimal, Decimal]], frame: Frame
) -> None:
    first, second = zip(*pairs, strict=True)
    drawn = columns(
        chart(Series(name="a", style="s1", values=first), Series(name="b", style="nobody", values=second)),
        frame,
    )
    for rect in ET.fromstring(drawn).iter("rect"):  # noqa: S314  # we drew it
        assert 0 <= float(rect.get("x", "")) <= frame.width
        assert -0.2 <= float(rect.get("y", "")) <= frame.height
        assert float(rect.get("y", "")) + float(rect.get("height", "")) <= frame.height + 0.2


@given(st.text(min_size=1, max_size=400))
def test_any_name_is_text_in_a_drawing(name: str) -> None:
    drawn = columns(chart(series("1", "2", name=name), title=f"by {name!r}".replace("\x00", "")), WIDE)
    labels = [found.text or "" for found in ET.fromstring(drawn).iter("text") if found.get("class") == "name"]  # noqa: S314  # we drew it
    assert all(len(label) <= WIDE.letters for label in labels)


def test_labels_never_touch() -> None:
    drawn = columns(chart(*(series("1", name=f"team-{at}", style="s1") for at in range(8))), NARROW)
    places = sorted(
        float(found) for found in re.findall(r'<text class="name" x="[\d.]+" y="([\d.]+)"', drawn)
    )
    assert all(after - before >= 15.9 for before, after in itertools.pairwise(places))


def test_names_stand_beside_the_last_column_that_has_any_cost() -> None:
    late = (series("3", "3", "0", "0"), series("4", "4", "0", "0", name="data", style="s2"))
    whole = tuple(series(*(str(part.values[0]),) * 4, name=part.name, style=part.style) for part in late)
    places = [
        re.findall(r'<path class="lead" d="M([\d.]+) ([\d.]+)L', columns(chart(*one), WIDE))
        for one in (late, whole)
    ]
    assert [y for _, y in places[0]] == [y for _, y in places[1]]
    assert float(places[0][0][0]) < float(places[1][0][0])


def test_names_of_nothing_are_in_the_order_of_the_columns() -> None:
    drawn = columns(chart(series("0"), series("0", name="data"), series("0", name="ml")), WIDE)
    found = re.findall(r'<text class="name" x="[\d.]+" y="([\d.]+)"[^>]*>(\w+)<', drawn)
    assert [name for _, name in sorted(found, key=lambda one: float(one[0]))] == ["ml", "data", "web"]


def test_steps_of_an_axis_are_round() -> None:
    assert [nice_top(Decimal(most)) for most in ("2343", "10", "0.07", "0")] == [
        Decimal(500),
        Decimal(2),
        Decimal("0.02"),
        Decimal(1),
    ]


def test_a_line_of_equal_amounts_is_flat_and_of_one_is_nothing() -> None:
    assert "4.0,12.0 92.0,12.0" in sparkline([Decimal(5), Decimal(5)], "flat")
    assert sparkline([Decimal(5)], "one") == ""
    assert "&lt;b&gt;" in sparkline([Decimal(1), Decimal(2)], "<b>")


def test_a_bar_is_as_long_as_its_share() -> None:
    assert 'class="s1" width="30.0"' in bar(Decimal(1), Decimal(4))
    assert 'class="s1" width="0.0"' in bar(Decimal(-1), Decimal(4))
    assert 'class="s1" width="0.0"' in bar(Decimal(1), Decimal(0))
