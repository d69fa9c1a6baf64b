"""Columns chosen, means, places and text forms of a few made-up scores, by hand."""

import csv
import io

import pytest

from nerco_plugin.report.columns import COLUMNS, chosen_columns
from nerco_plugin.report.paper_table import NAMES, with_run
from nerco_plugin.report.scoring import Score, ScoredSet
from nerco_plugin.report.tables import as_csv, as_data, markdown_table, mean_scores, places, undefined_notes

SHOWN = [COLUMNS["psnr"], COLUMNS["niqe"]]


def scored() -> list[ScoredSet]:
    return [
        ScoredSet("a", (9, 9), {"x": Score({"psnr": 10.0, "niqe": 4.0}), "y": Score({"psnr": 12.0, "niqe": 5.0})}, {}),
        ScoredSet(
            "b",
            (9, 9),
            {"x": Score({"psnr": 20.0, "niqe": None}, {"niqe": "flat"}), "y": Score({"psnr": 12.0, "niqe": 4.0})},
            {},
        ),
    ]


def test_columns_without_references_are_absent() -> None:
    assert [column.key for column in chosen_columns([], with_truth=True)] == [
        "psnr",
        "ssim",
        "loe",
        "niqe",
        "niqe_paper",
    ]
    assert [column.key for column in chosen_columns([], with_truth=False)] == ["loe", "niqe", "niqe_paper"]
    assert [column.key for column in chosen_columns(["ssim_basicsr"], with_truth=True)][-1] == "ssim_basicsr"
    with pytest.raises(ValueError, match="no score is called 'ssmi'"):
        chosen_columns(["ssmi"], with_truth=True)
    with pytest.raises(ValueError, match="lpips compares with references"):
        chosen_columns(["lpips"], with_truth=False)


def test_means_leave_out_what_is_undefined_and_say_why() -> None:
    assert mean_scores(scored(), SHOWN) == {"x": {"psnr": 15.0, "niqe": 4.0}, "y": {"psnr": 12.0, "niqe": 4.5}}
    assert undefined_notes(scored(), SHOWN) == ["NIQE is n/a for b by x: flat"]
    assert as_data(scored(), SHOWN, "x") == {
        "mean": {"psnr": 15.0, "niqe": 4.0},
        "images": {"a": {"psnr": 10.0, "niqe": 4.0}, "b": {"psnr": 20.0, "niqe": None}},
        "undefined": {"b": {"niqe": "flat"}},
    }
    assert "undefined" not in as_data(scored(), SHOWN, "y")


def test_places_follow_the_figures_as_shown() -> None:
    assert places({"a": 10.001, "b": 9.0, "c": 10.004, "d": None}, COLUMNS["psnr"]) == {"a": 1, "c": 1, "b": 2}
    assert places({"a": 5.0, "b": 4.0, "c": 6.0}, COLUMNS["niqe"]) == {"b": 1, "a": 2}
    assert places({"a": 5.0, "b": None}, COLUMNS["niqe"]) == {}


def test_csv_has_a_row_for_each_image_and_method() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(scored(), SHOWN))))
    assert len(rows) == 4
    assert rows[2] == {"image": "b", "method": "x", "psnr": "20", "niqe": "n/a"}


def test_markdown_marks_best_and_second() -> None:
    lines = markdown_table({"x|y": {"psnr": 15.0, "niqe": 4.0}, "z": {"psnr": 12.0, "niqe": None}}, SHOWN).splitlines()
    assert lines[0] == "| method | PSNR ↑ | NIQE ↓ |"
    assert lines[2] == "| x\\|y | **15.00** | 4.00 |"
    assert lines[3] == "| z | <u>12.00</u> | n/a |"


def test_names_are_no_markup() -> None:
    row: dict[str, float | None] = {"psnr": 15.0, "niqe": 4.0}
    assert r"| A\<i>\|x\* y_z | " in markdown_table({"A<i>|x*\ny_z": row}, SHOWN)


def test_the_papers_best_and_second_come_out() -> None:
    columns = [COLUMNS[key] for key in ("psnr", "ssim", "niqe_paper", "loe")]
    table = markdown_table(
        with_run("LOL", {"us": dict.fromkeys(("psnr", "ssim", "loe", "niqe_paper"))}, 15).rows, columns
    )
    rows = {line.split("|")[1].strip(): line for line in table.splitlines()}
    assert "**19.84** | **0.7713** | <u>11.26</u> | <u>117.7</u>" in rows["NeRCo"]
    assert "n/a | n/a | n/a | n/a" in rows["us (this run)"]


def test_what_does_not_compare_is_said() -> None:
    means = {"us": {"loe": 100.0, "niqe": 4.0, "niqe_paper": 12.0}}
    lime = with_run("LIME", means, count=9)
    assert lime.unranked == {"us (this run)"}
    assert "| us (this run) | 100.0 | 12.00 |" in markdown_table(lime.rows, lime.columns, lime.unranked)
    assert with_run("LIME", means, count=10).unranked == frozenset()
    assert [column.key for column in lime.columns] == ["loe", "niqe_paper"]
    assert "This run has 9 images, the paper's cells 10: the rows do not compare." in lime.note
    assert "Without references there is no PSNR, SSIM." in with_run("LOL", means, count=15).note
    assert "do not compare" not in with_run("LOL", means, count=15).note
    with pytest.raises(ValueError, match="LOL, LSRW, LIME, ablation, got 'lol'"):
        with_run("lol", means, 15)
    assert [len(with_run(name, means, 15).rows) for name in NAMES] == [12, 12, 12, 6]
