"""StudyProcessor: tables by hand, words and their pieces, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from modeling.configuration import ProcessorConfig, TableField, TextProcessing
from modeling.errors import CheckpointError
from modeling.model.film import letterboxed
from modeling.model.processing import (
    PROCESSOR_FILE,
    TOKENIZER_FILE,
    StudyProcessor,
    collate,
    encode_table,
    encode_text,
    tokenizer_sha256,
)
from modeling.study import ClinicalTable, ClinicalText, Modality, Photometric, Radiograph, Study
from tests.doubles.toys import ALL, SENTENCE, toy_processor, toy_radiograph, toy_study, toy_tokenizer


def indication(text: str) -> ClinicalText:
    return ClinicalText({"indication": text})


# --- the film


def test_monochrome1_and_its_inverted_twin_give_identical_tensors() -> None:
    processor, twin = toy_processor(), toy_radiograph()
    inverted = Radiograph(255 - twin.pixels, photometric=Photometric.MONOCHROME1)
    tensors = [processor(Study(film)).inputs.image for film in (twin, inverted)]
    assert torch.equal(*tensors)


def test_the_film_is_normalised_with_mean_and_std_and_its_padding_is_black() -> None:
    processor = toy_processor()
    processor = StudyProcessor(
        replace(processor.config, image=replace(processor.config.image, mean=0.25, std=0.5)),
        processor.tokenizer,
    )
    processed = processor(toy_study())
    image = processed.inputs.image
    assert image.shape == (1, 3, 64, 64) and image.dtype == torch.float32
    assert torch.equal(image[0, 0], image[0, 1]) and torch.equal(image[0, 0], image[0, 2])
    square, *_ = letterboxed(toy_study().radiograph, processor.config.image)
    assert image[0, 0].numpy() == pytest.approx((square - 0.25) / 0.5, abs=1e-6)
    assert processed.letterbox.left > 0
    assert (image[..., : processed.letterbox.left] == -0.5).all()


def test_a_study_without_a_film_is_a_black_square_that_is_not_given() -> None:
    processed = toy_processor()(toy_study([Modality.TABLE]))
    assert not processed.inputs.image_given.item() and processed.letterbox is None
    assert processed.inputs.image.unique().numel() == 1


# --- the table

FIELDS = (
    TableField("age", mean=50.0, std=10.0),
    TableField("sex"),
    TableField("crp", transform="log1p", mean=2.0, std=0.5),
    TableField("view_position"),
)


def test_values_become_standard_scores_and_category_numbers() -> None:
    table = ClinicalTable({"age": 65.0, "sex": "male", "crp": 99.0, "view_position": "PA"})
    numeric, category, known = encode_table(table, FIELDS)
    assert numeric == pytest.approx([1.5, 0.0, (np.log(100.0) - 2.0) / 0.5, 0.0])
    assert category.tolist() == [0, 2, 0, 1]  # 1 + position among the categories
    assert known.all()


def test_unknown_is_a_flag_and_not_a_value() -> None:
    numeric, category, known = encode_table(ClinicalTable({"age": 50.0}), FIELDS)
    assert known.tolist() == [True, False, False, False]
    assert not numeric.any() and not category.any()


def test_a_laboratory_limit_becomes_the_plausible_end() -> None:
    for value, end in ((np.inf, 700.0), (-np.inf, 0.0)):
        numeric, _, known = encode_table(ClinicalTable({"crp": value}), FIELDS)
        assert known[2] and numeric[2] == pytest.approx((np.log1p(end) - 2.0) / 0.5)


def test_fields_that_the_checkpoint_does_not_read_change_nothing() -> None:
    more = encode_table(ClinicalTable({"age": 65.0, "ldh": 300.0}), FIELDS)
    assert all(
        np.array_equal(a, b)
        for a, b in zip(more, encode_table(ClinicalTable({"age": 65.0}), FIELDS), strict=True)
    )


# --- the text


def test_every_word_gathers_its_pieces() -> None:
    tokenizer = toy_tokenizer()
    text = "Fever, zzz fell"
    encoded = encode_text(indication(text), tokenizer, ("indication",), 32, lowercase=True)
    pieces = [tokenizer.id_to_token(i) for i in encoded.ids]
    assert pieces == ["[CLS]", "fever", ",", "z", "##z", "##z", "fell", "[SEP]"]
    assert encoded.word_of_token == (-1, 0, 1, 2, 2, 2, 3, -1)
    assert [w.word for w in encoded.words] == ["Fever", ",", "zzz", "fell"]
    assert all(text[w.start : w.end] == w.word for w in encoded.words)
    assert encoded.words_cut == 0


@pytest.mark.parametrize(
    "text", ["x-ray of 3.5 days", "patient's  chest\n\npain", "Verdacht auf Pneumonie?", "é ☃ 37°C"]
)
def test_words_point_into_the_text_as_given(text: str) -> None:
    encoded = encode_text(indication(text), toy_tokenizer(), ("indication",), 64)
    assert "".join(w.word for w in encoded.words) == "".join(text.split())
    assert all(text[w.start : w.end] == w.word for w in encoded.words)


def test_hyphens_and_decimals_stay_one_word() -> None:
    encoded = encode_text(indication("x-ray 3.5 and/or"), toy_tokenizer(), ("indication",), 64)
    assert [w.word for w in encoded.words] == ["x-ray", "3.5", "and/or"]


def test_lowercase_is_the_configuration_s_choice() -> None:
    upper, lower = indication("FEVER"), indication("fever")
    tokenizer = toy_tokenizer()

    def ids(text: ClinicalText, lowercase: bool) -> tuple[int, ...]:
        config = ProcessorConfig(
            text=TextProcessing(lowercase=lowercase), tokenizer_sha256=tokenizer_sha256(tokenizer)
        )
        return StudyProcessor(config, tokenizer)(Study(text=text)).text.ids

    assert ids(upper, True) == ids(lower, True) == ids(lower, False) != ids(upper, False)


@pytest.mark.parametrize("max_tokens", range(4, 16))
def test_a_text_too_long_is_cut_at_a_whole_word_and_counted(max_tokens: int) -> None:
    words = ["fever", "zz", "cough", "abc", "fell", "from", "ladder"]
    encoded = encode_text(indication(" ".join(words)), toy_tokenizer(), ("indication",), max_tokens)
    assert len(encoded.ids) <= max_tokens
    assert [w.word for w in encoded.words] == words[: len(encoded.words)]
    assert encoded.words_cut == len(words) - len(encoded.words)
    assert encoded.ids[-1] == toy_tokenizer().token_to_id("[SEP]")
    sizes = [sum(owner == i for owner in encoded.word_of_token) for i in range(len(encoded.words))]
    assert sizes == [{"zz": 2, "abc": 3}.get(w.word, 1) for w in encoded.words]


def test_sections_are_read_in_the_configuration_s_order() -> None:
    text = ClinicalText({"findings": "cough", "indication": "fever", "impression": "dry"})
    encoded = encode_text(text, toy_tokenizer(), ("indication", "findings"), 32)
    pieces = [toy_tokenizer().id_to_token(i) for i in encoded.ids]
    assert pieces == ["[CLS]", "fever", "[SEP]", "cough", "[SEP]"]
    assert [w.section for w in encoded.words] == ["indication", "findings"]


@pytest.mark.parametrize(
    "text", [ClinicalText(), indication(""), indication("  \n "), ClinicalText({"impression": "pneumonia"})]
)
def test_a_text_with_nothing_to_read_is_not_given(text: ClinicalText) -> None:
    processed = toy_processor()(Study(text=text))
    assert processed.text is None and not processed.inputs.text_given.item()
    assert processed.inputs.tokens.shape == (1, 0)


# --- the batch


def test_a_batch_holds_its_studies_and_pads_their_tokens() -> None:
    processor = toy_processor()
    studies = [processor(toy_study(text=t)) for t in (SENTENCE, "fever", "")]
    batch = collate(studies)
    for i, one in enumerate(studies):
        length = one.inputs.tokens.shape[1]
        assert torch.equal(batch.tokens[i, :length], one.inputs.tokens[0])
        assert batch.token_mask[i].sum() == length and not batch.token_mask[i, length:].any()
        assert torch.equal(batch.image[i], one.inputs.image[0])
        assert torch.equal(batch.numeric[i], one.inputs.numeric[0])
    assert batch.text_given.tolist() == [True, True, False]
    assert batch.image_given.all() and batch.table_given.all()
    assert batch.to("cpu").tokens.shape == batch.tokens.shape


# --- persistence


def test_the_processor_survives_its_files(tmp_path: Path) -> None:
    processor = toy_processor()
    processor.save(tmp_path)
    again = StudyProcessor.load(tmp_path)
    assert again.config == processor.config and again.config.sha256 == processor.config.sha256
    study = toy_study()
    for name, tensor in vars(processor(study).inputs).items():
        assert torch.equal(tensor, getattr(again(study).inputs, name)), name


def test_a_processor_without_text_writes_no_tokenizer(tmp_path: Path) -> None:
    processor = toy_processor([Modality.IMAGE, Modality.TABLE])
    processor.save(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [PROCESSOR_FILE]
    assert not StudyProcessor.load(tmp_path)(toy_study()).inputs.text_given.item()


def test_any_change_of_the_tokenizer_is_refused() -> None:
    config = toy_processor().config
    other = toy_tokenizer()
    other.add_tokens(["pneumonia"])
    with pytest.raises(CheckpointError, match="not the one"):
        StudyProcessor(config, other)
    with pytest.raises(CheckpointError, match="do not go together"):
        StudyProcessor(config, None)
    with pytest.raises(CheckpointError, match="do not go together"):
        StudyProcessor(toy_processor([Modality.IMAGE]).config, toy_tokenizer())


def test_a_tokenizer_without_the_marks_of_a_sentence_is_refused() -> None:
    bare = Tokenizer.from_str(toy_tokenizer().to_str().replace("[SEP]", "[END]"))
    config = replace(toy_processor().config, tokenizer_sha256=tokenizer_sha256(bare))
    with pytest.raises(CheckpointError, match=r"has no \[SEP\]"):
        StudyProcessor(config, bare)


DAMAGE = {
    "no configuration": (lambda f: (f / PROCESSOR_FILE).unlink(), f"no {PROCESSOR_FILE}"),
    "garbage": (lambda f: (f / PROCESSOR_FILE).write_text("{"), "not valid JSON"),
    "bytes": (lambda f: (f / PROCESSOR_FILE).write_bytes(b"\xff\xfe\x00"), "not valid JSON"),
    "a list": (lambda f: (f / PROCESSOR_FILE).write_text("[1]"), "not a JSON object"),
    "no tokenizer": (lambda f: (f / TOKENIZER_FILE).unlink(), f"no {TOKENIZER_FILE}"),
    "garbled tokenizer": (lambda f: (f / TOKENIZER_FILE).write_text("{}"), "damaged"),
}


@pytest.mark.parametrize(("damage", "said"), DAMAGE.values(), ids=DAMAGE.keys())
def test_damaged_files_are_refused_in_one_sentence(tmp_path: Path, damage, said: str) -> None:
    toy_processor(ALL).save(tmp_path)
    damage(tmp_path)
    with pytest.raises(CheckpointError, match=said) as caught:
        StudyProcessor.load(tmp_path)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    toy_processor().save(tmp_path)
    raw = json.loads((tmp_path / PROCESSOR_FILE).read_text())
    (tmp_path / PROCESSOR_FILE).write_text(json.dumps(raw | {"augment": True}))
    with pytest.raises(CheckpointError, match="no key 'augment'"):
        StudyProcessor.load(tmp_path)
