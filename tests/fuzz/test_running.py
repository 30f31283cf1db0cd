"""The fuzzer finds what misbehaves, says what it was, and goes on behind it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.fuzzing.inputs import Inputs
from benchmarks.fuzzing.mutating import mutate_bytes, mutate_packed, mutate_text
from benchmarks.fuzzing.running import Count, Plan, as_result, run, shares
from benchmarks.fuzzing.targets import TARGETS, Target
from benchmarks.fuzzing.worker import read_one
from stream_unmask.errors import InputError

CORPORA = Path(__file__).with_name("corpora")


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A reader that misbehaves by the name of its input."""
    monkeypatch.setitem(TARGETS, "misbehaving", Target(lambda data, name, folder: None, mutate_bytes, 1))
    corpus = tmp_path / "corpora" / "misbehaving"
    corpus.mkdir(parents=True)
    for name in ("crash", "good", "hang", "memory", "silent", "traceback"):
        (corpus / name).write_bytes(name.encode())
    return Plan(
        corpora=tmp_path / "corpora", folder=tmp_path / "found", counts={"misbehaving": 6}, longest=2.0
    )


def test_what_misbehaves_is_found_kept_and_passed(plan: Plan) -> None:
    told: list[str] = []
    count = run(plan, told.append, "tests.fuzz.misbehaving")["misbehaving"]
    assert (count.next, count.read, count.refused) == (6, 0, 1)
    assert (count.crashes, count.hangs, count.tracebacks) == (1, 1, 3)
    assert (plan.folder / "misbehaving-0-crash").read_bytes() == b"crash"
    assert "-11" in (plan.folder / "misbehaving-0.txt").read_text()
    assert "MemoryError" in (plan.folder / "misbehaving-3.txt").read_text()
    assert "KeyError" in (plan.folder / "misbehaving-5.txt").read_text()
    assert sum("misbehaving 2 (hang), hangs" in line for line in told) == 1


def test_a_run_goes_on_where_it_was_broken_off(plan: Plan) -> None:
    plan.counts["misbehaving"] = 1
    assert run(plan, print, "tests.fuzz.misbehaving")["misbehaving"].next == 1
    plan.counts["misbehaving"] = 4
    told: list[str] = []
    count = run(plan, told.append, "tests.fuzz.misbehaving")["misbehaving"]
    assert (count.crashes, count.hangs, count.tracebacks) == (1, 1, 1)
    assert not any("crashes" in line for line in told)


def test_a_folder_of_another_run_is_refused(plan: Plan) -> None:
    plan.folder.mkdir()
    (plan.folder / "state.json").write_text('{"seed": 1}')
    with pytest.raises(InputError, match="holds another run"):
        run(plan, print, "tests.fuzz.misbehaving")


def test_an_empty_corpus_is_refused(plan: Plan) -> None:
    for path in (plan.corpora / "misbehaving").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="no whole inputs"):
        run(plan, print, "tests.fuzz.misbehaving")


def test_an_error_without_a_sentence_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(data: bytes, name: str, folder: Path) -> None:
        raise InputError(data.decode())

    monkeypatch.setitem(TARGETS, "any", Target(refuse, mutate_bytes, 1))
    assert not read_one("any", "a", b"It is broken.", tmp_path)
    for sentence in (b"", b"Traceback (most recent call last)", b"a" * 3000):
        with pytest.raises(AssertionError, match="no sentence"):
            read_one("any", "a", sentence, tmp_path)


def test_inputs_hang_on_nothing_but_their_number() -> None:
    for kind, target in TARGETS.items():
        inputs = Inputs.read(CORPORA, kind, target.mutate, 1)
        number = len(inputs.files) + 3
        assert inputs[number] == inputs[number]
        assert [inputs[index] for index in range(len(inputs.files))] == inputs.files
        others = {inputs[index][1] for index in range(number, number + 20)}
        assert len(others) > 10


@pytest.mark.parametrize("mutate", [mutate_bytes, mutate_text])
def test_nothing_is_so_small_that_it_cannot_be_broken(mutate: object) -> None:
    assert callable(mutate)
    for data in (b"", b"\n", b"1", b'"'):
        for seed in range(50):
            assert isinstance(mutate(data, np.random.default_rng(seed)), bytes)


def test_a_packed_file_is_packed_again() -> None:
    data = (CORPORA / "bank" / "bank.npz").read_bytes()
    broken = [mutate_packed(data, np.random.default_rng(seed)) for seed in range(20)]
    assert sum(each.startswith(b"PK\x03\x04") for each in broken) > 10


def test_every_input_is_of_some_kind() -> None:
    assert sum(shares(10_000).values()) == 10_000
    assert sum(shares(7, ["picture", "video"]).values()) == 7
    assert shares(100, ["video"]) == {"video": 100}


def test_the_counts_become_a_table() -> None:
    plan = Plan(corpora=CORPORA, folder=CORPORA, counts={"video": 3})
    result = as_result({"video": Count(next=3, read=1, refused=1, hangs=1, seconds=1.5)}, plan, "fuzz")
    assert result.rows == [["video", "3", "1", "1", "0", "1", "0", "2", "0"]]
