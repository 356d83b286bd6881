"""The page as a person has it: in a real browser, from a file, without a network."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engine.report.conftest import OpenPage
from tests.engine.report.reports_made import HOSTILE, LINES, better, make_report
from tests.engine.scoring.made import line, said, target

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

WIDE = {"viewport": {"width": 1280, "height": 900}}


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_report(tmp_path_factory.mktemp("one"), {"base": LINES})


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = {"step-100": LINES, "step-300": better(LINES)}
    return make_report(tmp_path_factory.mktemp("two"), runs)


@pytest.fixture
def page(open_page: OpenPage, one: Path) -> "Page":
    return open_page(one, **WIDE)


def ids(page: "Page") -> list[str]:
    return page.locator(".card-id").all_inner_texts()


def test_it_opens_and_shows_every_record(page: "Page") -> None:
    assert sorted(ids(page)) == sorted(each["id"] for each in LINES)
    assert (
        page.locator(".tile-value").first.inner_text() == "0.364"
    )  # 2 * 2 / (5 boxes + 6 targets)


def test_images_are_drawn_from_the_file(page: "Page") -> None:
    pictures = page.locator(".card img")
    widths = "all => Promise.all(all.map(each => each.decode().then(() => each.naturalWidth)))"
    loaded = pictures.evaluate_all(widths)
    assert pictures.count() == len(LINES)
    assert set(loaded) == {100}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("missed", {"missed", "cut"}),
        ("invented", {"invented"}),
        ("misplaced", {"misplaced"}),
        ("mislabelled", {"mislabelled"}),
        ("duplicate", set()),
        ("unparsed", {"cut"}),
        ("perfect", {"right"}),
    ],
)
def test_a_kind_of_mistake_filters(page: "Page", kind: str, expected: set[str]) -> None:
    page.locator(f"input[value={kind}]").check()
    assert set(ids(page)) == expected
    assert page.locator(f"#number-{kind}").inner_text() == str(len(expected))
    assert page.locator("#gallery-count").inner_text().startswith(f"{len(expected)} record")


def test_class_size_and_text_filter_together(page: "Page") -> None:
    page.select_option("#filter-class", "car")
    assert set(ids(page)) == {"mislabelled", "cut", "misplaced"}
    page.select_option("#filter-size", "small")
    assert set(ids(page)) == {"misplaced"}
    page.select_option("#filter-size", "")
    page.fill("#filter-text", "AND A CAR")
    assert set(ids(page)) == {"mislabelled"}
    page.get_by_role("button", name="Clear filters").click()
    page.wait_for_function(f"document.querySelectorAll('.card').length === {len(LINES)}")


def test_a_checkpoint_filters(open_page: OpenPage, two: Path) -> None:
    page = open_page(two, **WIDE)
    page.locator("input[value=perfect]").check()
    assert len(ids(page)) == len(LINES)
    page.select_option("#gallery-run", label="step-100")
    assert ids(page) == ["right"]
    assert page.locator("#run").input_value() == "0"


def test_the_table_of_classes_sorts_and_says_so(page: "Page") -> None:
    def column() -> list[str]:
        return page.locator("#class-table tbody th").all_inner_texts()

    head = page.locator("#class-table th", has_text="Class")
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert column() == sorted(column())
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert column() == sorted(column(), reverse=True)
    recall = page.locator("#class-table th", has_text="Recall")
    recall.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "none"
    assert recall.get_attribute("aria-sort") == "descending"
    assert column() == ["cup", "car", "dog"]


def test_a_class_leads_to_its_pictures(page: "Page") -> None:
    page.locator("#class-table").get_by_role("button", name="dog", exact=True).click()
    assert page.input_value("#filter-class") == "dog"
    assert set(ids(page)) == {"mislabelled", "missed"}


def test_light_and_dark_follow_the_system_and_the_button(open_page: OpenPage, one: Path) -> None:
    def paper(page: "Page") -> str:
        return str(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))

    page = open_page(one, color_scheme="dark")
    dark = paper(page)
    page.locator("#theme").click()
    light = paper(page)
    assert page.locator("#theme").inner_text() == "Theme: light"
    assert light == "rgb(255, 255, 255)"
    assert dark != light
    page.locator("#theme").click()
    assert paper(page) == dark
    page.reload()
    assert page.locator("#theme").inner_text() == "Theme: dark"
    assert paper(open_page(one, color_scheme="light")) == light


def test_the_keyboard_alone_goes_everywhere(page: "Page") -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    seen = set()
    for _ in range(200):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.id || document.activeElement.className"))
        if page.evaluate("document.activeElement.className") == "card":
            break
    assert {"theme", "term", "sort", "filter-class", "filter-text", "card"} <= seen
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_the_viewer_opens_steps_and_closes_by_keyboard(page: "Page") -> None:
    page.select_option("#filter-sort", "id")
    order = ids(page)
    page.locator(".card").first.focus()
    page.keyboard.press("Enter")
    title = page.locator("#viewer-title")
    assert title.inner_text() == f"Record {order[0]}"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert title.inner_text() == f"Record {order[1]}"
    page.keyboard.press("Escape")
    assert not page.locator("#viewer").is_visible()
    focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused.startswith(f"Record {order[1]}:")


def test_the_viewer_shows_boxes_text_and_a_link_to_the_image(page: "Page") -> None:
    page.get_by_role("button", name="Record mislabelled:").click()
    viewer = page.locator("#viewer")
    assert viewer.locator("pre").inner_text() == "a cup and a car"
    assert viewer.locator(".box-table tbody tr").count() == 4
    assert viewer.locator(".box.target.mislabelled").count() == 1
    link = viewer.get_by_role("link", name="image mislabelled.jpg")
    place = page.evaluate("link => link.href", link.element_handle())
    assert place.startswith("file:")
    assert Path(place.removeprefix("file://")).is_file()


def test_targets_and_predictions_can_be_hidden(page: "Page") -> None:
    targets, said_ = page.locator(".box.target").first, page.locator(".box.prediction").first
    page.locator("#show-targets").uncheck()
    assert not targets.is_visible()
    assert said_.is_visible()
    page.locator("#show-predictions").uncheck()
    page.locator("#show-targets").check()
    assert targets.is_visible()
    assert not said_.is_visible()


def test_targets_differ_from_predictions_without_colour(page: "Page") -> None:
    dashes = "each => getComputedStyle(each).strokeDasharray"
    assert page.locator(".box.target .edge").first.evaluate(dashes) != "none"
    assert page.locator(".box.prediction .edge").first.evaluate(dashes) == "none"


def test_an_address_opens_its_record_under_its_checkpoint(open_page: OpenPage, two: Path) -> None:
    page = open_page(two, address="#run=step-100&record=misplaced", **WIDE)
    assert page.locator("#viewer-title").inner_text() == "Record misplaced"
    assert page.locator("#viewer .box.prediction.misplaced").count() == 1
    page.locator("#viewer").get_by_role("button", name="step-300").click()
    assert page.locator("#viewer .box.prediction.right").count() == 1
    assert "record=misplaced" in page.url
    page.keyboard.press("Escape")
    page.wait_for_url("**#gallery")


def test_filters_are_kept_in_the_address(page: "Page", open_page: OpenPage, one: Path) -> None:
    page.locator("input[value=missed]").check()
    page.select_option("#filter-class", "dog")
    again = open_page(one, address=page.url[page.url.index("#") :], **WIDE)
    assert ids(again) == ids(page) == ["missed"]
    assert again.locator("input[value=missed]").is_checked()


def test_what_a_model_said_stays_text(page: "Page") -> None:
    page.get_by_role("button", name="Record cut:").click()
    shown = page.locator("#viewer pre").text_content()
    assert shown == HOSTILE
    assert page.evaluate("window.broken") is None
    assert page.locator("script").count() == 3


def test_hostile_names_are_text_everywhere(open_page: OpenPage, tmp_path: Path) -> None:
    evil = "<img src=x onerror='window.broken = 3'>\"'</title></style>"
    lines = [
        line(
            [target("cup", (0, 0, 50, 50))],
            [said(evil, (0, 0, 50, 50))],
            id=evil,
            image="images/a.jpg",
            error=evil,
            issues=[evil],
        )
    ]
    page = open_page(make_report(tmp_path, {evil: lines, f"{evil} 2": lines}), **WIDE)
    page.locator(".card").click()
    assert page.evaluate("window.broken") is None
    assert page.locator("img[src=x]").count() == 0
    assert page.title() == f"Groundray report: {evil}, {evil} 2"


def test_the_policy_lets_nothing_in(page: "Page") -> None:
    policy = page.locator('meta[http-equiv="Content-Security-Policy"]').get_attribute("content")
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy


def test_curves_stand_at_their_steps_and_their_axis_starts_at_0(
    open_page: OpenPage, two: Path
) -> None:
    page = open_page(two, **WIDE)
    plot = page.locator(".plot").first
    axes = plot.locator("svg text").evaluate_all("all => all.map(each => each.lastChild.data)")
    assert {"0.00", "1.00", "100", "300", "step"} <= set(axes)


def test_no_name_below_a_curve_runs_out_of_it(open_page: OpenPage, tmp_path: Path) -> None:
    names = ("before, learned images", "after, learned images (memorised)", "after, other images")
    page = open_page(make_report(tmp_path, dict.fromkeys(names, LINES)), **WIDE)
    plots = page.locator(".plot svg")
    over = (
        "svg => [...svg.querySelectorAll('text')].map(each => each.getBoundingClientRect().right)"
    )
    ends = plots.first.evaluate(
        f"svg => ({over})(svg).map(x => x - svg.getBoundingClientRect().right)"
    )
    assert len(ends) > len(names)
    assert max(ends) <= 0


def test_an_axis_that_fits_the_data_says_where_it_starts(
    open_page: OpenPage, tmp_path: Path
) -> None:
    runs = {"step-1": better(LINES), "step-2": better(LINES)}
    page = open_page(make_report(tmp_path, runs), **WIDE)
    page.locator("#closely").check()
    assert "axis from 0.95" in page.locator(".plot").first.inner_text()


def test_a_word_says_what_it_means(page: "Page") -> None:
    page.locator(".tile .term").first.focus()
    tip = page.locator("#tip")
    assert "2 TP / (2 TP + FP + FN)" in tip.inner_text()
    assert page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "tip"
    page.keyboard.press("Escape")
    assert not tip.is_visible()


@pytest.mark.parametrize("width", [360, 768, 2560])
def test_nothing_is_wider_than_the_window(open_page: OpenPage, two: Path, width: int) -> None:
    page = open_page(two, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator(".card").first.click()
    assert page.evaluate("document.querySelector('#viewer').scrollWidth") <= width


def test_it_prints_all_there_is_on_paper(page: "Page") -> None:
    page.emulate_media(media="print", color_scheme="dark")
    assert not page.locator(".top").is_visible()
    assert page.locator("#class-table").is_visible()
    paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert paper == "rgb(255, 255, 255)"


def test_an_expression_is_shown_with_its_answer(open_page: OpenPage, tmp_path: Path) -> None:
    lines = [
        line(
            [target("the left cup", (0, 0, 50, 50))],
            [said(None, (0, 0, 50, 48))],
            id="1",
            query="the left cup",
            task="grounding",
        ),
        line([], [], id="2", query="the unicorn", task="grounding"),
    ]
    page = open_page(make_report(tmp_path, {"base": lines}), **WIDE)
    assert "Acc@0.5" in page.locator(".tile-name").all_inner_texts()
    assert page.locator(".card-query").all_inner_texts() == ["the left cup", "the unicorn"]
    page.select_option("#filter-class", "(expression)")
    assert ids(page) == ["1"]


def test_a_point_is_drawn_as_a_cross(open_page: OpenPage, tmp_path: Path) -> None:
    lines = [
        line(
            [target("cup", (0, 0, 50, 50))],
            [said("cup", (25, 25, 25, 25))],
            geometry="point",
            format="molmo",
        )
    ]
    page = open_page(make_report(tmp_path, {"points": lines}), **WIDE)
    assert page.locator(".card .box.prediction.right path.edge").count() == 1


def test_runs_without_images_or_boxes_still_open(open_page: OpenPage, tmp_path: Path) -> None:
    lines = [line([target("cup", (0, 0, 50, 50))], [], id=str(i), error="gone: away") for i in "12"]
    page = open_page(make_report(tmp_path, {"dead": lines}, images=False), **WIDE)
    assert page.locator(".placeholder").count() == 2
    assert "2 images could not be read" in page.locator("#gallery-body").inner_text()
    assert "Not answered: 2 of 2 records" in page.locator("#scores-body").inner_text()
