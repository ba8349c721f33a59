"""One Chromium and one Viewbox for all browser tests of a worker; each test has a page of its own."""

import pytest

from tests.doubles.served import serve, write_checkpoint, write_store
from tests.interface.browser.visit import CHROMIUM, DESKTOP, FLAGS, PHONE, arrived


@pytest.fixture(scope="session")
def chromium():
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def served(chromium, tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    checkpoint, store = write_checkpoint(folder / "toy"), write_store(folder / "store")
    given = {
        "MODEL_REPO": str(checkpoint),
        "CASES_FOLDER": str(store),
        "REPORT_URL": "http://127.0.0.1:9/new",
    }
    with serve(folder / "run", pause=0.3, **given) as running:
        yield running


@pytest.fixture
def slow(served):
    """A Viewbox that leaves time to press a button while it computes."""
    with served.slowed():
        yield served


@pytest.fixture
def page(request, served, chromium):
    yield from arrived(served, chromium, DESKTOP, getattr(request, "param", "/"))


UNSEEN = (f"CASE-{number:04d}" for number in range(20, 30, 2))
"""Whose maps nobody has asked for: nothing of them is known, and they are not prepared beside another."""


@pytest.fixture
def slow_page(slow, chromium):
    yield from arrived(slow, chromium, DESKTOP, f"/?case={next(UNSEEN)}")


@pytest.fixture
def phone(request, served, chromium):
    yield from arrived(served, chromium, PHONE, getattr(request, "param", "/"))
