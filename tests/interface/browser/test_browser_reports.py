"""The tab of reports in a real browser: labels and rules, an edited rule, similar cases, a phone."""

from dataclasses import replace

import pytest

from cases.parquet.store import EmbeddedCaseStore
from tests.doubles.example_reports import corpus
from tests.doubles.served import open_tab, serve, unfold, write_checkpoint, write_store
from tests.interface.browser.test_browser_access import PAGES, TABS, faults
from tests.interface.browser.visit import DESKTOP, arrived, shoot

pytestmark = pytest.mark.browser
REPORT = "FINDINGS: Small left effusion. No pneumothorax. Possible pneumonia."
WORDS = {
    "en-US": ("Take the report", "Find similar", "Compare explanations", "Show the topics"),
    "zh-TW": ("取用目前病例的報告", "尋找相似與對照病例", "比較解釋", "顯示主題"),
}


@pytest.fixture(scope="module")
def tab(served, chromium):
    """One visit to the tab for all tests on a desktop, of which the last one opens another case."""
    for page in arrived(served, chromium, DESKTOP):
        open_tab(page, "Reports and similar cases")
        page.wait_for_selector("#vb-report-text textarea")
        yield page


def test_few_reports_make_no_topics_and_the_page_says_so(tab):
    tab.locator("#vb-topics-fold button.label-wrap").click()
    tab.get_by_role("button", name="Show the topics").click()
    tab.wait_for_selector(
        "#vb-message :text('Topics need at least 8 reports and here are 0: paste one report')"
    )


def test_a_report_shows_its_labels_and_the_rule_on_focus(tab, tmp_path_factory):
    tab.fill("#vb-report-text textarea", REPORT)
    tab.get_by_role("button", name="Find findings in this report").click()
    denied = tab.locator("#vb-report-marked .vb-report .vb-said-negative")
    denied.wait_for()
    assert denied.locator(".vb-why").is_hidden()
    denied.focus()
    assert denied.locator(".vb-why").is_visible()
    assert 'because of "No"' in denied.locator(".vb-why").inner_text()
    shoot(tab, tmp_path_factory, "reports")


def test_an_edited_rule_changes_precision_at_once_and_the_labels_too(tab, tmp_path_factory):
    tab.fill("#vb-report-text textarea", REPORT)
    unfold(tab, "vb-rules")
    tab.get_by_role("button", name="Restore the rules that ship").click()
    tab.wait_for_selector("#vb-rule-scores table")
    box = tab.locator("#vb-rules-text textarea")
    rules = box.input_value()
    assert '"no", "without",' in rules
    box.fill(rules.replace('"no", "without",', '"without",'))
    tab.get_by_role("button", name="Try these rules").click()
    tab.wait_for_selector("#vb-rule-scores .vb-moved-down")
    tab.wait_for_selector("#vb-report-marked .vb-report .vb-said-positive:has-text('pneumothorax')")
    shoot(tab, tmp_path_factory, "rules")
    box.fill(rules.replace('"no", "without",', '"without",'))
    box.fill("sections = [")
    tab.wait_for_selector("#vb-rule-scores .vb-stopped:has-text('TOML')")  # as it is typed, without a press
    box.fill(rules.replace('"no", "without",', '"without",'))
    tab.wait_for_selector("#vb-rule-scores .vb-moved-down")
    box.fill("sections = [")
    tab.get_by_role("button", name="Try these rules").click()
    tab.wait_for_selector("#vb-message :text('TOML')")
    tab.get_by_role("button", name="Restore the rules that ship").click()
    tab.wait_for_selector("#vb-rule-scores .vb-moved-down", state="detached")


def test_two_explanations_stand_side_by_side_each_with_its_own_words(tab, tmp_path_factory):
    tab.get_by_role("button", name="Find similar").click()
    card = tab.locator("#vb-similar .vb-similar-card").first
    card.wait_for()
    there = card.get_attribute("data-neighbour")
    card.locator(".vb-similar-compare").click()
    tab.wait_for_selector("#vb-pair .vb-side")
    sides = tab.locator("#vb-pair .vb-side")
    assert [sides.nth(n).get_attribute("data-side") for n in range(2)] == ["CASE-0000", there]
    for n in range(2):
        assert sides.nth(n).locator(".vb-side-films img").count() == 2
        assert sides.nth(n).locator("mark.vb-word").count() > 3
    ages = [sides.nth(n).locator("tr:has-text('Age')").inner_text() for n in range(2)]
    assert ages[0] != ages[1], "each has its own fields"
    assert tab.locator("#vb-pair h2").bounding_box()["y"] >= 0
    shoot(tab, tmp_path_factory, "pair")


def test_similar_cases_are_found_and_opened(tab, tmp_path_factory):
    tab.get_by_role("button", name="Take the report").click()
    tab.wait_for_selector("#vb-report-marked .vb-report:not(:has-text('effusion'))")
    tab.get_by_role("button", name="Find similar").click()
    tab.wait_for_selector("#vb-similar .vb-similar-card")
    cards = tab.locator("#vb-similar .vb-similar-card")
    assert cards.count() == 8
    assert tab.locator("#vb-similar [data-neighbour='CASE-0000']").count() == 0
    shoot(tab, tmp_path_factory, "similar")
    first = cards.first.get_attribute("data-neighbour")
    cards.first.locator(".vb-similar-open").click()
    tab.wait_for_selector(f"#vb-figure :text('{first}')")
    tab.wait_for_function("() => document.querySelector('#vb-figure').getBoundingClientRect().top > 0")


def test_the_tab_on_a_phone_in_chinese(phone, tmp_path_factory):
    open_tab(phone, "報告與相似病例")
    phone.fill("#vb-report-text textarea", REPORT)
    phone.get_by_role("button", name="在此報告中找出發現").click()
    phone.wait_for_selector("#vb-report-marked .vb-said-negative")
    assert "否定" in phone.inner_text("#vb-report-marked")
    word = phone.locator("#vb-report-marked .vb-report .vb-said-uncertain")
    word.tap()
    box = word.locator(".vb-why").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390, "the rule stays on the page"
    shoot(phone, tmp_path_factory, "reports-phone")
    wide = phone.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 1


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """An app whose thirty cases have reports."""
    folder = tmp_path_factory.mktemp("reported")
    with EmbeddedCaseStore.open(str(write_store(folder / "store", 30)), write=True) as store:
        for number, (text, _) in enumerate(corpus(30).values()):
            case = store.get(f"CASE-{number:04d}")
            store.put(replace(case, report={"findings": text}))
    checkpoint = write_checkpoint(folder / "toy")
    with serve(folder / "run", MODEL_REPO=str(checkpoint), CASES_FOLDER=str(folder / "store")) as running:
        yield running


@pytest.mark.parametrize("kind", PAGES)
def test_the_whole_tab_works_and_axe_finds_nothing_serious(kind, reported, chromium, tmp_path_factory):
    """Rules, similar cases, a pair and topics on screen; both languages, light and dark, wide and narrow."""
    options = PAGES[kind]
    visit = arrived(reported, chromium, options)
    shown = next(visit)
    take, find, compare, topics = WORDS[options["locale"]]
    open_tab(shown, TABS[options["locale"]][1])
    shown.get_by_role("button", name=take).click()
    word = shown.locator("#vb-report-marked .vb-report .vb-said").first
    word.focus()
    assert word.locator(".vb-why").is_visible()
    shown.keyboard.press("Escape")
    assert word.locator(".vb-why").is_hidden()
    shown.locator("#vb-rules button.label-wrap").click()
    shown.wait_for_selector("#vb-rule-scores table")
    shown.get_by_role("button", name=find).click()
    shown.locator("#vb-similar .vb-similar-compare", has_text=compare).first.click()
    shown.wait_for_selector("#vb-pair .vb-side")
    shown.locator("#vb-topics-fold button.label-wrap").click()
    shown.get_by_role("button", name=topics).click()
    shown.wait_for_selector("#vb-topics .vb-topic[open] [aria-current]")
    wide = shown.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 1
    found = faults(shown, "reports")
    shoot(shown, tmp_path_factory, f"reports, {kind}")
    assert [one for one in found if "vb-" in one] == []
    shown.locator("#vb-topics .vb-topic[open] [data-case]").last.click()
    shown.wait_for_selector("#vb-figure figcaption:has-text('CASE-')")
    with pytest.raises(StopIteration):
        next(visit)  # nothing was fetched from outside or left on disk
