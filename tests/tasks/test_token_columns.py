"""The columns of CoNLL files: a first column without words is refused, named columns are read."""

import re
from pathlib import Path

import pytest

from mtl_core.errors import DataError
from mtl_core.file_access import ANY_FILE
from mtl_core.tasks.dataset import load_dataset
from mtl_core.tasks.example import Example
from mtl_core.tasks.lines import DataFile, read_lines
from mtl_core.tasks.manifest import read_manifest
from mtl_core.tasks.token_columns import TokenColumns
from mtl_core.tasks.token_files import TokenFile, TokenRow, read_tokens

CONLL_U = (
    "# newdoc id = d1\n# sent_id = 1\n# text = Anna works\n"
    "1\tAnna\tanna\tPROPN\t_\t_\t2\tnsubj\t_\tB-PER\n"
    "2\tworks\twork\tVERB\t_\t_\t0\troot\t_\tO\n"
    "\n# sent_id = 2\n# text = one two three four five six seven eight\n"
    "1-2\tdel\t_\t_\t_\t_\t_\t_\t_\t_\n"
    "1\tde\tde\tADP\t_\t_\t3\tcase\t_\tO\n"
    "2\tel\tel\tDET\t_\t_\t3\tdet\t_\tO\n"
    "2.1\tno\tno\tX\t_\t_\t_\t_\t_\t_\n"
    "3\tRoma\tRoma\tPROPN\t_\t_\t0\troot\t_\tB-LOC\n"
)
WITHOUT_COMMENTS = "".join(
    f"{line}\n" for line in CONLL_U.splitlines() if not line.startswith("#") and "." not in line
)
CONLL_2012 = (
    "#begin document (nw/a_0001); part 000\n"
    "nw/a_0001 0 0 Anna NNP (TOP(S(NP*) - - - - (PERSON*) (1)\n"
    "nw/a_0001 0 1 works VBZ (VP*)) work 01 1 - * -\n"
    "\n"
    "nw/a_0001 0 0 Rome NNP (TOP(NP*)) - - - - (GPE*) - (V*)\n"
    "nw/a_0001 0 1 . . *)) - - - - * - *\n"
    "#end document\n"
)


def read(folder: Path, content: str, columns: TokenColumns | None = None) -> TokenFile:
    (folder / "b.conll").write_bytes(content.encode())
    lines = read_lines(DataFile(name="b.conll", path=folder / "b.conll"))
    return read_tokens(lines, "tokens", "tags", columns)


NO_WORDS = {
    "counted from 1": (
        "1\tanna\tB-PER\n2\tworks\tO\n\n1\trome\tB-LOC\n",
        "column 1 holds only numbers, so it holds no words. Name the columns of word and tag in "
        "the manifest: columns: {word: 2, tag: 3} (counted from 1).",
    ),
    "counted from 0 over all sentences": (
        "0 anna B-PER\n1 works O\n\n2 rome B-LOC\n",
        "columns: {word: 2, tag: 3}",
    ),
    "numbered names": (
        "w1 anna B-PER\nw2 works O\n\nw1 rome B-LOC\nw2 is O\n",
        "column 1 counts the lines, so it holds no words. Name the columns of word and tag in the "
        "manifest: columns: {word: 2, tag: 3} (counted from 1).",
    ),
    "a document id": (
        "doc-a\tanna\tB-PER\ndoc-a\tworks\tO\n\ndoc-b\trome\tB-LOC\ndoc-b\tis\tO\n",
        "column 1 has one value on all lines of a sentence, so it holds no words. Name the columns "
        "of word and tag in the manifest: columns: {word: 2, tag: 3} (counted from 1).",
    ),
    "tags first": (
        "B-PER\tanna\nO\tworks\n\nB-LOC\trome\n",
        "column 1 holds tags, so it holds no words. Name the columns of word and tag in the "
        "manifest: columns: {word: 2, tag: 1} (counted from 1).",
    ),
    "no other column": (
        "1\tB-PER\n2\tO\n",
        "column 1 holds only numbers, so it holds no words. Name the columns of word and tag in "
        "the manifest: columns: {word: …, tag: 2} with their numbers, counted from 1.",
    ),
    "CoNLL-U without comments": (
        WITHOUT_COMMENTS,
        "column 1 holds only numbers, so it holds no words. Name the columns of word and tag in "
        "the manifest: columns: {word: 2, tag: 10} (counted from 1).",
    ),
    "CoNLL-2012 without comments": (
        "\n".join(CONLL_2012.splitlines()[1:3]),
        "column 1 has one value on all lines of a sentence, so it holds no words. Name the columns "
        "of word and tag in the manifest: columns: {word: 4, tag: …} with their numbers",
    ),
}


@pytest.mark.parametrize(("content", "message"), NO_WORDS.values(), ids=NO_WORDS)
def test_a_first_column_without_words_is_refused_and_the_columns_are_requested(
    tmp_path: Path, content: str, message: str
) -> None:
    with pytest.raises(DataError, match=rf"b\.conll, line 1: .*{re.escape(message)}"):
        read(tmp_path, content)


def test_comments_are_refused_until_the_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"line 2: there are 4 columns where line 1 has 5\..*such a"
    ):
        read(tmp_path, CONLL_U)


def test_comments_with_as_many_columns_as_tokens_are_no_tokens(tmp_path: Path) -> None:
    content = "# id 1-a domain=en\nanna _ _ B-PER\nworks _ _ O\n"
    with pytest.raises(DataError, match=r"line 1: '# id 1-a domain=en' looks like a comment\. Rem"):
        read(tmp_path, content)
    found = read(tmp_path, content, TokenColumns(word=1, tag=4))
    assert found.rows == (TokenRow((2, 3), ("anna", "works"), ("B-PER", "O")),)


def test_conll_u_is_read_by_named_columns_without_comments_and_multiword_tokens(
    tmp_path: Path,
) -> None:
    found = read(tmp_path, CONLL_U, TokenColumns(word=2, tag=10))
    assert found.rows == (
        TokenRow((4, 5), ("Anna", "works"), ("B-PER", "O")),
        TokenRow((10, 11, 13), ("de", "el", "Roma"), ("O", "O", "B-LOC")),
    )
    assert found.layout == (
        "CoNLL columns (word 2 and tag 10 of 10, as the manifest states; 7 other lines skipped)"
    )
    assert read(tmp_path, WITHOUT_COMMENTS, TokenColumns(word=2, tag=10)).rows[1].words == (
        *("de", "el", "Roma"),
    )


def test_conll_2012_is_read_by_named_columns_with_any_number_of_predicates(tmp_path: Path) -> None:
    found = read(tmp_path, CONLL_2012, TokenColumns(word=4, tag=5))
    assert found.rows == (
        TokenRow((2, 3), ("Anna", "works"), ("NNP", "VBZ")),
        TokenRow((5, 6), ("Rome", "."), ("NNP", ".")),
    )
    with pytest.raises(
        DataError, match=r"line 2: there is no tag in column 13, which the manifest"
    ):
        read(tmp_path, CONLL_2012, TokenColumns(word=4, tag=13))


def test_a_token_with_a_number_sign_is_read_by_named_columns_too(tmp_path: Path) -> None:
    found = read(tmp_path, "x\t#Ann\tB-PER\n#\t1\tO\n", TokenColumns(word=2, tag=3))
    assert found.rows == (TokenRow((1, 2), ("#Ann", "1"), ("B-PER", "O")),)


@pytest.mark.parametrize(
    "content",
    [
        "2024\tB-DATE\nwas\tO\ngood\tO\n",
        "the\tO\nthe\tO\nrome\tB-LOC\n",
        "ha\tO\nha\tO\n",
        "f1 X O\nf3 X B-CAR\n",
    ],
    ids=["a number", "a word twice", "one word", "numbers in words"],
)
def test_words_that_only_look_like_numbers_or_constants_are_words(
    tmp_path: Path, content: str
) -> None:
    words = tuple(line.split()[0] for line in content.splitlines())
    assert read(tmp_path, content).rows[0].words == words


def test_a_header_of_conll_columns_is_refused(tmp_path: Path) -> None:
    message = (
        "b.conll, line 1: 'word' and 'tag' are names of columns. Remove this line: CoNLL columns "
        "have no header."
    )
    with pytest.raises(DataError, match=re.escape(message)):
        read(tmp_path, "word\ttag\nanna\tPER\nleft\tO\n")


def test_ids_of_tokens_are_no_words_in_json_lines(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text('{"tokens": [101, 2023], "tags": ["PER", "O"]}\n')
    lines = read_lines(DataFile(name="b.jsonl", path=tmp_path / "b.jsonl"))
    message = "b.jsonl, line 1: 'tokens' holds only numbers in this file, so these are no words."
    with pytest.raises(DataError, match=re.escape(message)):
        read_tokens(lines, "tokens", "tags")


TASK = "kind: token, head: {head}, train: b.train.conll, validation: b.dev.conll"
COLUMNS = "1\tanna\tanne\tB-PER\n2\twalks\twalk\tO\n"


def test_two_tasks_that_read_other_columns_of_a_file_have_examples_of_their_own(write_data) -> None:
    ner, lemmas = TASK.format(head="ner"), TASK.format(head="lemmas")
    manifest = (
        f"tasks:\n  ner: {{{ner}, columns: {{word: 2, tag: 4}}}}\n"
        f"  lemmas: {{{lemmas}, columns: {{word: 3, tag: 4}}}}\n"
    )
    changed = {"manifest.yaml": manifest, "b.train.conll": COLUMNS, "b.dev.conll": COLUMNS}
    dataset = load_dataset(str(write_data(changed)), ANY_FILE)
    assert dataset.train == (
        Example(None, ("anna", "walks"), {"ner": ("B-PER", "O")}),
        Example(None, ("anne", "walk"), {"lemmas": ("B-PER", "O")}),
    )


FAULTS = {
    "a name": ("columns: {word: form, tag: 4}", "'word' in 'columns' of the task 'ner' is 'form'."),
    "zero": ("columns: {word: 0, tag: 4}", "is '0'. Write the number of the column, from 1."),
    "one for both": ("columns: {word: 4, tag: 4}", "names one column for both. Name two."),
    "one alone": ("columns: {word: 4}", "'columns' of the task 'ner' lacks 'tag'."),
    "another key": ("columns: {word: 4, tags: 5}", "has an unknown key 'tags'. Nearest: 'tag'."),
    "no mapping": ("columns: 4", "'columns' of the task 'ner' must be keys with values."),
    "an unknown scheme": (
        "scheme: iobe",
        "'scheme' of the task 'ner' is 'iobe'. Nearest: 'iobes', 'iob2', 'iob1'. Schemes: 'io', "
        "'iob1', 'iob2', 'bio', 'bioes', 'iobes', 'bilou', 'bmes'. Convert other tags to IOB2.",
    ),
    "a key of sentences": (
        "quoting: csv",
        "'quoting' is a key of sentence tasks, and the task 'ner' is a token task. "
        "Keys: 'tags', 'scheme', 'columns'.",
    ),
}


@pytest.mark.parametrize(("key", "message"), FAULTS.values(), ids=FAULTS)
def test_a_manifest_that_names_no_columns_or_scheme_is_refused(
    write_data, key: str, message: str
) -> None:
    manifest = write_data(
        {"manifest.yaml": f"tasks:\n  ner: {{{TASK.format(head='ner')}, {key}}}\n"}
    )
    with pytest.raises(DataError, match=rf"line 2: .*{re.escape(message)}"):
        read_manifest(manifest)


def test_json_lines_have_no_columns_by_number(write_data) -> None:
    task = TASK.format(head="ner").replace(".conll", ".jsonl")
    manifest = write_data(
        {"manifest.yaml": f"tasks:\n  ner: {{{task}, columns: {{word: 1, tag: 2}}}}\n"}
    )
    with pytest.raises(DataError, match=r"line 2: .*by number, but JSON lines have keys\."):
        read_manifest(manifest)
