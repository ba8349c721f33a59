from pathlib import Path

import pytest

from hub_config import settings as module
from hub_config.settings import Settings, SettingsError, bundled_checkpoints


def test_an_empty_environment_gives_the_bundled_checkpoints_and_the_embedded_store():
    settings = Settings.from_env({})
    assert settings.models == bundled_checkpoints() and settings.models
    assert (settings.mongodb_uri, settings.revision, settings.device) == (None, None, "auto")
    assert (settings.server_name, settings.server_port) == ("127.0.0.1", 7860)
    assert settings.reachable_ports is None and settings.store is None


def test_every_variable_is_read_and_blank_ones_count_as_unset():
    settings = Settings.from_env(
        {
            "MODEL_REPO": "owner/name",
            "MODEL_REVISION": "a" * 40,
            "HF_TOKEN": "hf_secret",
            "MONGODB_URI": "mongodb://reader:pw@db.example/cases",
            "MONGODB_DATABASE": " ",
            "CASES_SOURCE": "ricord",
            "DEVICE": "cpu",
            "GRADIO_SERVER_NAME": "0.0.0.0",
            "GRADIO_SERVER_PORT": "8080",
        }
    )
    assert settings.models == ("owner/name",), "MODEL_REPO means just that one checkpoint"
    assert (settings.revision, settings.hf_token) == ("a" * 40, "hf_secret")
    assert settings.mongodb_uri == "mongodb://reader:pw@db.example/cases"
    assert (settings.mongodb_database, settings.device) == (None, "cpu")
    assert settings.cases_source == "ricord"
    assert (settings.server_name, settings.server_port) == ("0.0.0.0", 8080)


def test_mongodb_goes_before_a_folder_of_cases():
    folder = {"CASES_FOLDER": "/srv/cases"}
    assert Settings.from_env(folder).store == "/srv/cases"
    assert Settings.from_env({**folder, "MONGODB_URI": "mongodb://h/db"}).store == "mongodb://h/db"


def test_a_space_reaches_three_ports_and_listens_on_all_addresses():
    settings = Settings.from_env({"SPACE_ID": "owner/space"})
    assert settings.on_space and settings.reachable_ports == (80, 443, 8080)
    assert settings.frame_ancestors.split() == ["'self'", "https://huggingface.co", "https://*.hf.space"]
    assert settings.server_name == "0.0.0.0"
    assert settings.report_url == "https://huggingface.co/spaces/owner/space/discussions/new"
    own = {"SPACE_ID": "owner/space", "REPORT_URL": "https://git.example/a/b/issues/new"}
    assert Settings.from_env(own).report_url == own["REPORT_URL"]
    assert Settings.from_env({}).report_url is None


def test_secrets_are_not_in_the_representation():
    text = repr(Settings.from_env({"HF_TOKEN": "hf_secret", "MONGODB_URI": "mongodb://u:pw@host/db"}))
    assert "hf_secret" not in text and "pw" not in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEVICE", "tpu"),
        ("REPORT_URL", "javascript:alert(1)"),
        ("SESSIONS_PER_ADDRESS", "0"),
        ("FRAME_ANCESTORS", "*; script-src *"),
        ("GRADIO_SERVER_PORT", "0"),
        ("GRADIO_SERVER_PORT", "70000"),
        ("GRADIO_SERVER_PORT", "http"),
        ("MONGODB_URI", "postgres://u:topsecret@host/db"),
    ],
)
def test_a_bad_value_is_one_sentence_that_names_the_variable(name, value):
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({name: value})
    sentence = str(caught.value)
    assert name in sentence and sentence.endswith(".") and sentence.count(". ") == 0
    assert "topsecret" not in sentence


def test_every_bundled_checkpoint_is_taken_and_film_goes_first(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BUNDLED", tmp_path)
    assert bundled_checkpoints() == (str(tmp_path / "film"),), "loading it says what is missing"
    for name in ("other", "teaching", "film", "unfinished"):
        (tmp_path / name).mkdir()
        if name != "unfinished":
            (tmp_path / name / "config.json").write_text("{}")
    assert [Path(folder).name for folder in bundled_checkpoints()] == ["film", "teaching", "other"]
