"""An option file is data: what is read, what is refused, and where the message points."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nerco_plugin.engine.options import OptionError, load_options


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run.yml"


def read(file: Path, text: str | bytes, *overrides: str) -> dict:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_options(file, overrides)


def refused(file: Path, text: str | bytes, *overrides: str) -> str:
    with pytest.raises(OptionError) as caught:
        read(file, text, *overrides)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2e-4", 2e-4),
        ("1e5", 1e5),
        ("!!float 5e3", 5e3),
        ("-1", -1),
        ("1_000_000", 1_000_000),
        ("0x10", 16),
        ("010", 10),
        (".5", 0.5),
        ("yes", True),
        ("off", False),
        ("~", None),
        ("", None),
        ("'1'", "1"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("1.2.3", "1.2.3"),
        ("[1, 2.0, a]", [1, 2.0, "a"]),
        ("{a: {b: 1}}", {"a": {"b": 1}}),
        ("Ä ö 暗い", "Ä ö 暗い"),
    ],
)
def test_values_have_the_type_that_they_look_like(file: Path, text: str, value: object) -> None:
    found = read(file, f"key: {text}\n")["key"]
    assert found == value
    assert type(found) is type(value)


_LAUGHS = "b: &b0 [1, 1]\n" + "".join(f"b{n}: &b{n} [*b{n - 1}, *b{n - 1}]\n" for n in range(1, 30))


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: !!python/object/apply:os.system ['touch pwned']", 1, "!!python/object/apply:os.system is refused"),
        ("a: 1\nb: !include other.yml", 2, "!include is refused"),
        ("a: 1\nb: 2\na: 3", 3, "a: written twice, first in line 1"),
        ("train:\n  lr: 1\n  lr: 2", 3, "train:lr: written twice, first in line 2"),
        ("a: 1\nb:\n\tc: 2", 3, "YAML indents with spaces, not tabs"),
        ("a: 1\nb: [1, 2", 3, "not YAML"),
        ("- a\n- b", 1, "expected a mapping of options at the top level, got a list"),
        ("just text", 1, "got the text 'just text'"),
        ("", 1, "the file is empty"),
        ("# a comment\n", 1, "the file is empty"),
        (b"a: 1\nb: \xe4\n", 2, "not UTF-8 (byte 0xe4)"),
        (b"\xff\xfea\x00:\x00", 1, "not UTF-8"),
        ("a: 1\nb: \0", 2, "not YAML"),
        ("a: 1\nb: &x [*x]", 2, "b:0: the alias holds itself"),
        ("a: !!int many", 1, "not a int: 'many'"),
        (f"a: {'9' * 5000}", 1, "not a int"),
        ("a: 1\n---\nb: 2", 2, "not YAML"),
        ("[a, b]: 1", 1, "expected text as the key, got a list"),
        (_LAUGHS, 1, "more than 100000 values"),
    ],
)
def test_what_is_not_plain_data_is_refused_by_line(file: Path, text: str | bytes, line: int, words: str) -> None:
    message = refused(file, text)
    assert message.startswith(f"{file}:{line}: ")
    assert words in message
    assert not Path("pwned").exists()


def test_a_nest_without_end_is_an_error(file: Path) -> None:
    assert "nest" in refused(file, "a: " + "[" * 20000)


@pytest.mark.parametrize("text", [b"\xef\xbb\xbfname: a\r\ntrain:\r\n  lr: 1\r\n", b"name: a\rtrain:\r  lr: 1\r"])
def test_bom_and_foreign_line_ends(file: Path, text: bytes) -> None:
    assert read(file, text) == {"name": "a", "train": {"lr": 1}}


def test_a_folder_or_no_file(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="expected an option file, got a folder"):
        load_options(tmp_path)
    with pytest.raises(OptionError, match="cannot read the option file: No such file"):
        load_options(tmp_path / "none.yml")


def test_utf8_whatever_the_locale(file: Path) -> None:
    file.write_text("name: 暗い\n", encoding="utf-8")
    code = "import sys; from nerco_plugin.engine.options import load_options as f; print(ascii(f(sys.argv[1])))"
    ascii_locale = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run([sys.executable, "-c", code, file], env=ascii_locale, capture_output=True, text=True)
    assert done.stdout.strip() == ascii({"name": "暗い"}), done.stderr


def test_an_alias_is_a_copy_and_a_merge_key_yields(file: Path) -> None:
    text = "a: &adam {type: Adam, lr: 1}\nb: *adam\nc: {<<: *adam, lr: 2}\n"
    options = read(file, text)
    assert options["c"] == {"type": "Adam", "lr": 2}
    options["a"].pop("type")  # as BasicSR's models do
    assert options["b"] == {"type": "Adam", "lr": 1}


# ---------------------------------------------------------------- ${NAME} and base


def test_the_environment_fills_in(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOT", "/data")
    monkeypatch.setenv("RATE", "2e-4")
    options = read(file, "a: ${ROOT}/low\nb: ${RATE}\nc: ['x_${RATE}']\nd: $ROOT costs $5\n")
    assert options == {"a": "/data/low", "b": 2e-4, "c": ["x_2e-4"], "d": "$ROOT costs $5"}


def test_an_unset_variable_is_named_with_its_line(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOWHERE", raising=False)
    message = refused(file, "a: 1\nb: {c: '${NOWHERE}/x'}\nd: ${NOWHERE}\n")
    assert f"{file}:2: b:c: the environment variable 'NOWHERE' is not set" in message
    assert f"{file}:3: d: " in message


def test_a_variable_that_is_overridden_need_not_be_set(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOWHERE", raising=False)
    assert read(file, "a: ${NOWHERE}\n", "a=1") == {"a": 1}


def test_a_base_is_inherited_key_by_key(tmp_path: Path, file: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "root.yml").write_text("a: {x: 1, y: {z: 2}}\nl: [1, 2]\ngone: {k: 1}\n")
    (tmp_path / "sub" / "middle.yml").write_text("base: root.yml\na: {x: 5}\n")
    options = read(file, "base: sub/middle.yml\na: {y: {w: 3}}\nl: [9]\ngone: ~\n")
    assert options == {"a": {"x": 5, "y": {"z": 2, "w": 3}}, "l": [9], "gone": None}


def test_another_type_takes_none_of_the_inherited_arguments(tmp_path: Path, file: Path) -> None:
    (tmp_path / "root.yml").write_text("o: {type: Adam, lr: 1, betas: [0, 1]}\np: {type: Adam, lr: 1}\n")
    options = read(file, "base: root.yml\no: {type: SGD, lr: 2, betas: ~}\np: {type: Adam, lr: 3}\n")
    assert options == {"o": {"type": "SGD", "lr": 2}, "p": {"type": "Adam", "lr": 3}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("base: none.yml", "base: no such file: {folder}/none.yml"),
        ("base: 3", "base: expected the path of an option file, got 3"),
        ("base: run.yml", "inherits from itself"),
        ("base: ${NOWHERE}/x.yml", "the environment variable 'NOWHERE' is not set"),
    ],
)
def test_a_wrong_base(tmp_path: Path, file: Path, text: str, words: str) -> None:
    assert words.format(folder=tmp_path) in refused(file, f"a: 1\n{text}\n")


def test_a_circle_of_bases(tmp_path: Path, file: Path) -> None:
    (tmp_path / "other.yml").write_text("base: run.yml\n")
    assert f"{file} -> {tmp_path / 'other.yml'}" in refused(file, "base: other.yml\n")


# ---------------------------------------------------------------- --force_yml

TEXT = "name: run\ntrain: {lr: 1, betas: [0.5, 0.9], sub: {k: v}}\nval: ~\n"


@pytest.mark.parametrize(
    ("override", "keys", "value"),
    [
        ("train:lr=-1", ("train", "lr"), -1),
        ("train:lr=1e-4", ("train", "lr"), 1e-4),
        ("train:lr=!!float 3", ("train", "lr"), 3.0),
        ("train:lr=true", ("train", "lr"), True),
        ("train:lr=~", ("train", "lr"), None),
        ("train:lr=None", ("train", "lr"), None),
        ("train:lr=", ("train", "lr"), None),
        ("name=a=b=c", ("name",), "a=b=c"),
        ("name='1'", ("name",), "1"),
        ("name=a b", ("name",), "a b"),
        ("name=__import__('os').getcwd()", ("name",), "__import__('os').getcwd()"),
        ("train:betas=[0.1, 0.2]", ("train", "betas"), [0.1, 0.2]),
        ("train:betas:1=3", ("train", "betas"), [0.5, 3]),
        ("train:betas:-1=3", ("train", "betas"), [0.5, 3]),
        ("train:sub={a: 1}", ("train", "sub"), {"a": 1}),
        (" train : lr =2", ("train", "lr"), 2),
    ],
)
def test_force_yml_sets_typed_values(file: Path, override: str, keys: tuple[str, ...], value: object) -> None:
    found = read(file, TEXT, override)
    for key in keys:
        found = found[key]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train:lrr=3", "train has no key 'lrr'; did you mean 'lr'?"),
        ("trian:lr=3", "the option file has no key 'trian'; did you mean 'train'?"),
        ("train:clip_opt:type=X", "train has no key 'clip_opt'; train:clip_opt={type: ...} would add it"),
        ("train:lr:x=3", "train:lr is 1, which has no keys"),
        ("train:betas:2=3", "train:betas is a list of 2, '2' is no index of it"),
        ("val:x=3", "val is None, which has no keys"),
        ("train", "expected KEY:KEY=VALUE"),
        ("=3", "expected KEY:KEY=VALUE"),
        ("name=[1", "not YAML"),
        ("name=!!python/name:os.system", "!!python/name:os.system is refused"),
        ("name=a: b: c", "not YAML"),
        ("train:sub={a: 1, a: 2}", "a: written twice"),
    ],
)
def test_force_yml_refuses(file: Path, override: str, words: str) -> None:
    message = refused(file, TEXT, override)
    assert f"--force_yml {override}: " in message
    assert words in message


def test_all_faults_of_the_command_line_come_together(file: Path) -> None:
    message = refused(file, TEXT, "train:lrr=3", "name=[", "x")
    assert message.startswith("3 faults in the options:")
