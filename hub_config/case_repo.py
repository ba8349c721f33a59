"""Cases from a data set on the Hub: read only, all of one commit."""

from pathlib import Path

from hub_config.settings import Settings
from modeling.errors import CaseStoreError
from modeling.model.hub import Repo, fetched

FILES = ("cases-*.parquet", "NOTICE.md", "README.md")


def case_folder(settings: Settings) -> str | None:
    """The folder of the cases that the settings name, fetched where it is a Hub repo; else their store.

    Raises:
        CaseStoreError: the repo cannot be fetched, or holds no cases.
    """
    if settings.cases_repo is None or settings.mongodb_uri:
        return settings.store
    repo = Repo(settings.cases_repo, settings.cases_revision, settings.hf_token, "dataset", "CASES")
    _, folder = fetched(repo, FILES, CaseStoreError)
    if not any(Path(folder).glob("cases-*.parquet")):
        template = "The data set {repo} has no cases-*.parquet; publish cases there with 'viewbox publish'."
        raise CaseStoreError(template, repo=repo.name)
    return str(folder)
