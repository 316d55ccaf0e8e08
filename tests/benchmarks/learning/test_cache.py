"""Results of earlier runs are used exactly as long as code and data are the same."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.learning.cache import Cache, code_digest, sources_of
from benchmarks.learning.contenders.base import Contender
from benchmarks.learning.contenders.rates import BaseRate

RATE = Contender("base rate", "floor", BaseRate)


def test_a_result_is_found_again_for_the_same_data(tmp_path: Path) -> None:
    Cache(tmp_path).put("coupon", RATE, 0, "data", {"seconds": 1.0})

    found = Cache(tmp_path).get("coupon", RATE, 0, "data")

    assert found is not None
    assert found["seconds"] == 1.0
    assert Cache(tmp_path).get("coupon", RATE, 0, "other data") is None
    assert Cache(tmp_path).get("coupon", RATE, 1, "data") is None


def test_a_result_of_other_options_is_of_earlier_code(tmp_path: Path) -> None:
    once, now = (Contender("x", "peer", partial(BaseRate, option)) for option in ("-l 1", "-l 2"))
    Cache(tmp_path).put("coupon", once, 0, "data", {"seconds": 1.0})

    assert Cache(tmp_path).get("coupon", now, 0, "data") is None
    kept = Cache(tmp_path).get("coupon", now, 0, "data", of_earlier_code=True)
    assert kept is not None
    assert kept["is_earlier"]


def test_a_file_that_was_broken_off_is_no_result(tmp_path: Path) -> None:
    (tmp_path / "coupon").mkdir()
    (tmp_path / "coupon" / "base-rate.0.json").write_text('{"code": ')

    assert Cache(tmp_path).get("coupon", RATE, 0, "data") is None


def test_words_about_code_change_nothing_and_code_does(tmp_path: Path) -> None:
    plain, told, other = (tmp_path / name for name in ("plain.py", "told.py", "other.py"))
    plain.write_text("def f():\n    return 1\n")
    told.write_text('"""About."""\n\n\ndef f():\n    """Give one."""\n    return 1  # always\n')
    other.write_text("def f():\n    return 2\n")

    assert code_digest([plain]) == code_digest([told])
    assert code_digest([plain]) != code_digest([other])


def test_a_model_is_made_of_the_files_that_its_module_imports() -> None:
    files = {path.name for path in sources_of("bayes")}

    assert {"bayes.py", "bayes_numba.py", "encoding.py", "exploration.py", "steps_numpy.py"} <= files
    assert not {"contest.py", "naive_bayes.py", "journal.py"} & files
