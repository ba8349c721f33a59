"""The tab of reports in a real browser: labels and rules, an edited rule, similar cases, a phone."""

# ruff: noqa: F811 (fixtures come by name)

import pytest

from tests.served import open_tab
from tests.test_browser import (  # noqa: F401 (fixtures)
    arrived,
    chromium,
    page,
    phone,
    served,
    shoot,
)

pytestmark = pytest.mark.browser
REPORT = "FINDINGS: Small left effusion. No pneumothorax. Possible pneumonia."


def open_reports(page, name: str) -> None:
    open_tab(page, name)
    page.wait_for_selector("#vb-report-text textarea")


def test_a_report_shows_its_labels_and_the_rule_on_focus(page, tmp_path_factory):
    open_reports(page, "Reports and similar cases")
    page.fill("#vb-report-text textarea", REPORT)
    page.get_by_role("button", name="Mine labels").click()
    denied = page.locator("#vb-report-marked .vb-report .vb-said-negative")
    denied.wait_for()
    assert denied.locator(".vb-why").is_hidden()
    denied.focus()
    assert denied.locator(".vb-why").is_visible()
    assert 'because of "No"' in denied.locator(".vb-why").inner_text()
    shoot(page, tmp_path_factory, "reports")


def test_an_edited_rule_changes_precision_at_once_and_the_labels_too(page, tmp_path_factory):
    open_reports(page, "Reports and similar cases")
    page.fill("#vb-report-text textarea", REPORT)
    page.get_by_text("The rules: edit them").click()
    page.wait_for_selector("#vb-rule-scores table")
    box = page.locator("#vb-rules-text textarea")
    rules = box.input_value()
    assert '"no", "without",' in rules
    box.fill(rules.replace('"no", "without",', '"without",'))
    page.get_by_role("button", name="Try these rules").click()
    page.wait_for_selector("#vb-rule-scores .vb-moved-down")
    page.wait_for_selector("#vb-report-marked .vb-report .vb-said-positive:has-text('pneumothorax')")
    shoot(page, tmp_path_factory, "rules")
    box.fill("sections = [")
    page.get_by_role("button", name="Try these rules").click()
    page.wait_for_selector("#vb-message :text('TOML')")
    page.get_by_role("button", name="Restore the rules that ship").click()
    page.wait_for_selector("#vb-rule-scores .vb-moved-down", state="detached")


def test_similar_cases_are_found_and_opened(page, tmp_path_factory):
    open_reports(page, "Reports and similar cases")
    page.get_by_role("button", name="Take the report").click()
    page.wait_for_selector("#vb-report-marked .vb-report")
    page.get_by_role("button", name="Find similar").click()
    page.wait_for_selector("#vb-similar .vb-similar-card")
    cards = page.locator("#vb-similar .vb-similar-card")
    assert cards.count() == 8
    assert page.locator("#vb-similar [data-neighbour='CASE-0000']").count() == 0
    shoot(page, tmp_path_factory, "similar")
    first = cards.first.get_attribute("data-neighbour")
    cards.first.get_by_role("button").click()
    page.wait_for_selector(f"#vb-figure :text('{first}')")


def test_the_tab_on_a_phone_in_chinese(phone, tmp_path_factory):
    open_tab(phone, "報告與相似病例")
    phone.fill("#vb-report-text textarea", REPORT)
    phone.get_by_role("button", name="擷取標籤").click()
    phone.wait_for_selector("#vb-report-marked .vb-said-negative")
    assert "否定" in phone.inner_text("#vb-report-marked")
    shoot(phone, tmp_path_factory, "reports-phone")
    wide = phone.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 1
