"""The report in a browser: no label of a drawing lies on another, and nothing is asked of the network."""

from pathlib import Path
from typing import Any

import pytest

from musher.report.page import Outputs, render
from tests.e2e.browser import CHROMIUM, FLAGS, needs_chromium
from tests.unit.musher.happening_records import TAKEN_BACK, activity, alarm, at, happen
from tests.unit.musher.load_records import measure_all, store_all
from tests.unit.musher.report.test_report import summary

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), needs_chromium]

FIND_OVERLAPS = """() => [...document.querySelectorAll("svg.drawing")].flatMap(svg => {
  const found = [...svg.querySelectorAll("text")];
  const texts = found.map(text => [text.textContent, text.getBoundingClientRect()]);
  return texts.flatMap(([one, a], place) => texts.slice(place + 1)
    .filter(([_, b]) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0.5
      && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2)
    .map(([other]) => one + " on " + other));
})"""


def load(latencies_s: list[float], *, duration_s: float) -> dict[str, Any]:
    """Return a load test's record."""
    return store_all(measure_all(latencies_s, duration_s=duration_s), began_at=at(200))


@pytest.mark.parametrize("width", [400, 1100])
@pytest.mark.parametrize(
    ("steps", "record"),
    [
        (TAKEN_BACK, load([0.02] * 100, duration_s=10.0)),
        (((0, "Creating", ""), (3000, "InService", "")), load([0.0011] * 99 + [59.0], duration_s=3599.0)),
    ],
)
def test_no_label_lies_on_another(steps: Any, record: dict[str, Any], width: int, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    found = happen(
        steps=steps,
        alarms=[alarm("n" * 255, changes=[(moment, "OK", "ALARM", "r") for moment in range(0, 160, 7)])],
        activities=[activity(100, 105, count=3), activity(106, None, count=4)],
    )
    page_file = tmp_path / "report.html"
    page_file.write_text(render(summary=summary(), outputs=Outputs(happenings=found, load=record)))
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        page = browser.new_page(viewport={"width": width, "height": 900}, java_script_enabled=True)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(page_file.as_uri())
        assert page.locator("svg.drawing").count() == 3
        assert page.evaluate(FIND_OVERLAPS) == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
        browser.close()
    assert asked == [page_file.as_uri()]
