from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.engine import lab as lab_module
from mtl_core.engine.lab import Lab
from mtl_core.errors import BadInput
from mtl_core.settings import Settings
from mtl_core.store.record import RunState
from mtl_core.tasks.dataset import load_dataset
from tests.run_story import spec_of
from tests.visiting import heading, visited

REVIEWS = b"said,mood\nGood *food*.,up\nBad food.,down\nFine.,up\nAwful.,down\n"
PLACES = b"Ann\tB-PER\nsaw\tO\nRome\tB-LOC\n\nIt\tO\nrains\tO\n"
FILES = {
    "upload_1_training": ("reviews.csv", REVIEWS),
    "upload_1_validation": ("reviews.dev.csv", REVIEWS),
    "upload_2_training": ("places.conll", PLACES),
    "upload_2_validation": ("places.dev.conll", PLACES),
}


def data_page(**query: str) -> AppTest:
    return visited("data", **query)


def add_files(app: AppTest, **changed: tuple[str, bytes]) -> AppTest:
    for key, (name, content) in {**FILES, **changed}.items():
        app.file_uploader(key=key).set_value((name, content, "text/plain"))
    app.run()
    assert not app.exception
    return app


def uploaded(app: AppTest) -> str:
    """Use the files of both tasks; the reference by which the choice names them."""
    app.text_input(key="upload_1_name").set_value("reviews")
    app.text_input(key="upload_2_name").set_value("places")
    add_files(app).selectbox(key="upload_1_label").set_value("mood").run()
    app.button(key="use_upload").click().run()
    assert not app.exception
    return str(app.selectbox(key="data").value)


def texts(app: AppTest) -> str:
    shown = (app.markdown, app.caption, app.error, app.warning)
    return "\n".join(each.value for elements in shown for each in elements).replace("\\", "")


def test_the_sample_is_measured_with_the_tokenizer_of_the_checkpoint(lab: Lab) -> None:
    app = data_page()
    assert heading(app) == (
        "1,400 sentences for sentiment, 1,400 for NER; nothing is cut off at 128 sub-words"
    )
    assert "lengths measured with the tokenizer of minilm-l6" in texts(app)
    assert "1,032 entities of 3 types" in texts(app)
    assert "2 classes, “negative” is 50 % of training" in texts(app)
    assert (
        "ner was read as CoNLL columns (word 1 and tag 2 of 2): tags in IO (detected), 3 entity "
        "types ('PER', 'LOC', 'ORG'); 400 + 200 + 800 sentences, "
    ) in texts(app)


def test_the_headline_counts_entities_cut_off_by_the_maximum_length(lab: Lab) -> None:
    app = data_page()
    app.number_input(key="max_length").set_value(16).run()
    assert heading(app).endswith("; 28 entities are cut off at 16 sub-words")
    assert app.query_params["max_length"] == "16"


def test_a_sentence_in_two_splits_is_counted_once(lab: Lab) -> None:
    assert "in another split" not in texts(data_page())
    app = data_page()
    uploaded(app)
    warnings = [each.value for each in app.warning]
    assert warnings[0] == (
        "6 evaluated sentences also occur in another split. Scores on them may be too high."
    )
    assert len(warnings) == 3  # the form warns of each task of the files that were sent


def test_without_the_tokenizer_lengths_are_in_words_and_the_page_says_so(lab: Lab) -> None:
    app = data_page(checkpoint="bert-base-uncased")
    assert "; the longest has " in heading(app)
    assert heading(app).endswith(" words")
    assert "the tokenizer of bert-base-uncased is not on this machine" in texts(app)


def test_a_manifest_below_a_configured_folder_is_shown(
    monkeypatch: pytest.MonkeyPatch, tiny_data: Path
) -> None:
    monkeypatch.setenv("FREEZE_LAB_DATA", str(tiny_data.parent))
    opened = Lab(Settings.from_environment())
    monkeypatch.setattr(lab_module, "_lab", opened)
    app = data_page(data=str(tiny_data))
    assert heading(app).startswith("12 sentences for sentiment, 8 for NER; nothing is")
    opened.store.close()


def test_files_are_checked_before_they_are_saved(lab: Lab) -> None:
    app = add_files(data_page())
    assert app.selectbox(key="upload_1_text").options == ["said", "mood"]
    assert "sentiment: 4 + 4 sentences, head classifier with 2 outputs: down, up" in (
        texts(app).replace("**", "")
    )
    assert not app.button(key="use_upload").disabled
    assert not lab.settings.uploads.exists()
    assert app.selectbox(key="data").value == "sample"


def test_saved_files_are_selected_by_their_digest(lab: Lab) -> None:
    app = data_page()
    reference = uploaded(app)
    assert app.query_params["data"] == reference
    assert (lab.settings.uploads / reference.removeprefix("upload:")).is_dir()
    assert heading(app).startswith("8 sentences for reviews, 4 for places")
    digest = reference.removeprefix("upload:")
    label = f"your upload: reviews, places · {digest[:8]}"
    assert app.selectbox(key="data").options[-1] == label
    freeze = visited("freeze", data=reference)
    freeze.session_state["more"] = True
    freeze.run()
    assert freeze.selectbox(key="data").options[-1] == label
    assert "Good *food*." in texts(app)
    assert any("Good \\*food\\*." in each.value for each in app.markdown)
    assert ":green-background[**Rome** LOC]" in texts(app)


def test_train_and_freeze_know_an_upload_by_its_tasks_and_its_heads_by_its_labels(
    lab: Lab,
) -> None:
    app = data_page()
    reference = uploaded(app)
    app.switch_page("pages/train.py").run()
    label = app.button(key="start").label.replace("\\", "")
    assert label == "Train heads only on your upload: reviews, places"
    app.button(key="start").click().run()
    (record,) = lab.store.runs()
    assert record.spec.data == reference
    assert [len(task.outputs) for task in record.spec.tasks] == [2, 3]
    runs = next(frame.value for frame in app.dataframe if "Data" in frame.value.columns)
    assert list(runs["Data"]) == ["your upload: reviews, places"]

    app.switch_page("pages/freeze.py").run()
    assert not app.exception
    assert "your upload: reviews, places" in texts(app)
    table = app.dataframe[0].value
    assert table.astype(str).apply(" ".join, axis=1).str.contains("ner.weight.*3").any()


def test_a_choice_survives_a_page_with_the_same_widgets(lab: Lab) -> None:
    app = data_page()
    reference = uploaded(app)
    app.number_input(key="max_length").set_value(32).run()
    for page in ("pages/train.py", "pages/data.py"):
        app.switch_page(page).run()
        app.run()
        assert app.selectbox(key="data").value == reference
        assert app.number_input(key="max_length").value == 32


def test_two_uploads_with_equal_task_names_are_distinguished(lab: Lab) -> None:
    app = data_page()
    first = uploaded(app)
    file = ("more.csv", REVIEWS + b"Bland.,down\n", "text/csv")
    app.file_uploader(key="upload_1_training").set_value(file).run()
    app.selectbox(key="upload_1_label").set_value("mood").run()
    app.button(key="use_upload").click().run()
    assert heading(app).startswith("9 sentences for reviews")
    app.selectbox(key="data").set_value(first).run()
    assert heading(app).startswith("8 sentences for reviews")


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (
            {"upload_1_training": ("x.csv", b"said,mood\nGood.\n")},
            "x.csv, line 2: the row has 1",
        ),
        ({"upload_1_training": ("x.csv", b"")}, "x.csv is empty"),
        ({"upload_1_training": ("x.conll", PLACES)}, "x.conll is not in a format for sentences"),
        ({"upload_2_training": ("x.conll", b"Ann\n")}, "x.conll, line 1: 'Ann' has no tag"),
        ({"upload_2_validation": ("x.conll", b"Acme B-ORG\n")}, "x.conll, line 1: 'B-ORG' does"),
    ],
    ids=["row", "empty", "format", "tag", "type"],
)
def test_an_invalid_file_is_named_and_the_form_keeps_its_values(
    lab: Lab, broken: dict[str, tuple[str, bytes]], expected: str
) -> None:
    app = data_page()
    app.text_input(key="upload_1_name").set_value("reviews")
    app.text_input(key="upload_2_head").set_value("places")
    add_files(app, **broken)
    assert expected in app.error[0].value.replace("\\", "")
    assert app.button(key="use_upload").disabled
    assert app.text_input(key="upload_1_name").value == "reviews"
    assert app.text_input(key="upload_2_head").value == "places"
    add_files(app)
    assert not app.error
    assert not app.button(key="use_upload").disabled
    assert not lab.settings.uploads.exists()


def test_an_uploaded_file_is_described_as_it_was_read(lab: Lab) -> None:
    app = add_files(data_page())
    assert (
        "ner was read as CoNLL columns (word 1 and tag 2 of 2): tags in IOB2 (detected), 2 entity "
        "types ('LOC', 'PER'); 2 + 2 sentences, 5 + 5 words, 2 + 2 entities in train "
        "and validation."
    ) in texts(app)


QUOTED = b'text\tlabel\n"Good."\tup\nBad.\tdown\nFine.\tUp\n'
NUMBERED = b"1 Ann 1\n2 left 0\n"
REFUSALS = [  # message, widget key, what is entered, words of the caption
    ("the quotation marks around", "upload_1_quoting", "none", "as “Quoting” under"),
    ("the labels 'up' and 'Up'", "upload_1_labels", "{Up: up}", "as “Labels” under"),
    ("column 1 holds only numbers", "upload_2_columns", "word: 2, tag: 3", "as “Columns” under"),
    ("the tag '1' is a number", "upload_2_tags", "tags: {1: S-PER, 0: O}", "as “Tags” under"),
    ("the tag 'S-PER' belongs to", "upload_2_scheme", "bioes", "as “Scheme” under"),
]


def test_each_refusal_of_doubtful_files_names_the_field_that_settles_it(lab: Lab) -> None:
    files = {1: ("x.tsv", QUOTED), 2: ("x.conll", NUMBERED)}
    changed = {key: files[int(key[7])] for key in FILES}
    app = add_files(data_page(), **changed)
    for message, key, entered, caption in REFUSALS:
        assert message in app.error[0].value.replace("\\", "")
        assert caption in texts(app)
        assert app.button(key="use_upload").disabled
        choice = key.endswith(("quoting", "scheme"))
        widget = app.selectbox(key=key) if choice else app.text_input(key=key)
        widget.set_value(entered).run()
    assert not app.error
    assert "TSV (columns 'text' and 'label' of 2; quotation marks belong to the text)" in texts(app)
    assert (
        "ner was read as CoNLL columns (word 2 and tag 3 of 3, as the manifest states): tags in "
        "BIOES (as the manifest states, converted to IOB2), 1 entity type ('PER')"
    ) in texts(app)
    app.button(key="use_upload").click().run()
    stored = load_dataset(app.query_params["data"], lab.access)
    assert stored.train[0].text == '"Good."'
    assert stored.train[-1].labels == {"ner": ("B-PER", "O")}

    app.text_input(key="upload_2_columns").set_value("2, 3").run()
    assert app.error[0].value.replace("\\", "").endswith("Enter it as in word: 2, tag: 4")


def test_words_that_the_tokenizer_does_not_read_are_counted(lab: Lab) -> None:
    words = PLACES.replace(b"saw\tO", b"\xe2\x80\x8b\tI-PER")
    app = data_page()
    app.text_input(key="upload_1_name").set_value("reviews")
    add_files(app, upload_2_training=("x.conll", words)).selectbox(key="upload_1_label").set_value(
        "mood"
    ).run()
    app.button(key="use_upload").click().run()
    assert (
        "1 word has no token with this tokenizer; 1 entity with such a word cannot be found."
    ) in texts(app)


def test_a_missing_file_is_named(lab: Lab) -> None:
    app = data_page()
    app.file_uploader(key="upload_1_validation").set_value(("a.csv", REVIEWS, "text/csv")).run()
    assert "Add the training file of sentiment" in texts(app)
    assert app.button(key="use_upload").disabled


def test_without_a_validation_file_a_part_is_held_out_and_the_sentences_are_shown_first(
    lab: Lab,
) -> None:
    rows = [f"text number {n},{'good' if n % 2 else 'bad'}" for n in range(20)]
    file = "\n".join(["text,label", *rows]).encode()
    app = data_page()
    app.number_input(key="upload_tasks").set_value(1).run()
    app.file_uploader(key="upload_1_training").set_value(("a.csv", file, "text/csv")).run()
    shown = texts(app)
    assert "16 + 4 sentences" in shown
    assert "4 of 20 training sentences (20 %, by a hash of their text" in shown
    assert ":violet-badge[good] text number" in shown
    assert not lab.settings.uploads.exists()
    app.text_input(key="upload_name").set_value("My *reviews*").run()
    app.button(key="use_upload").click().run()
    assert heading(app).startswith("20 sentences for sentiment")
    assert any(each.value.startswith("My \\*reviews\\* · ") for each in app.caption)
    assert "My *reviews* · " in app.selectbox(key="data").options[-1]
    assert "4 of 20 training sentences (20 %, by a hash of their text" in texts(app)
    app.switch_page("pages/train.py").run()
    assert app.button(key="start").label == "Train heads only on My \\*reviews\\*"


def test_a_deleted_upload_is_replaced_by_the_sample(lab: Lab) -> None:
    app = data_page()
    reference = uploaded(app)
    app.button(key="delete_upload").click().run()
    assert app.selectbox(key="data").value == "sample"
    assert list(lab.settings.uploads.iterdir()) == []
    assert "data" not in app.query_params
    again = data_page(data=reference)
    assert "There is no " in texts(again)
    assert "Upload the files again on the Data page" in texts(again)
    assert heading(again).startswith("1,400 sentences")


@pytest.mark.parametrize("state", [RunState.WAITING, RunState.RUNNING])
def test_an_upload_that_a_run_needs_is_not_deleted(lab: Lab, state: RunState) -> None:
    app = data_page()
    reference = uploaded(app)
    record = lab.store.add(spec_of("heads-only", data=reference), state)
    app.button(key="delete_upload").click().run()
    assert f"This upload is needed by {record.id}" in app.error[0].value.replace("\\", "")
    assert app.selectbox(key="data").value == reference
    with pytest.raises(BadInput, match="Stop the run, or wait for it"):
        lab.delete_upload(reference)


def test_any_number_of_tasks_can_be_uploaded(lab: Lab) -> None:
    app = data_page()
    app.number_input(key="upload_tasks").set_value(3).run()
    assert app.text_input(key="upload_3_head").placeholder == "task3"
    app.number_input(key="upload_tasks").set_value(1).run()
    for split in ("training", "validation"):
        file = ("a.jsonl", b'{"text": "Good.", "label": 1}\n{"text": "Bad.", "label": 0}\n', "")
        app.file_uploader(key=f"upload_1_{split}").set_value(file)
    app.run()
    app.button(key="use_upload").click().run()
    assert heading(app).startswith("4 sentences for sentiment; nothing is cut off")
