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
    with _toy(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture(scope="session")
def slow(chromium, tmp_path_factory):
    """A Viewbox that leaves time to press a button while it computes."""
    with _toy(tmp_path_factory.mktemp("slow"), pause=0.3) as running:
        yield running


def _toy(folder, **options):
    checkpoint, store = write_checkpoint(folder / "toy"), write_store(folder / "store")
    given = {
        "MODEL_REPO": str(checkpoint),
        "CASES_FOLDER": str(store),
        "REPORT_URL": "http://127.0.0.1:9/new",
    }
    return serve(folder / "run", **options, **given)


@pytest.fixture
def page(served, chromium):
    yield from arrived(served, chromium, DESKTOP)


@pytest.fixture
def slow_page(slow, chromium):
    yield from arrived(slow, chromium, DESKTOP)


@pytest.fixture
def phone(served, chromium):
    yield from arrived(served, chromium, PHONE)
