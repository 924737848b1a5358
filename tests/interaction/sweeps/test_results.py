"""Tables and figures of what a sweep left, and how many episodes it gives to which cells."""

import re
from contextlib import nullcontext

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from interaction.errors import ArgumentError, UnknownNameError
from interaction.studies import Sweep, SweepResults
from interaction.studies.sweeps import playing, statistics
from interaction.studies.sweeps.statistics import Summary
from interaction.studies.sweeps.trial import Trial
from tests.interaction.sweeps import small
from tests.pictures import check_readable

pytest.importorskip("pyarrow")
mpl.use("Agg")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    measure = {"rounds": "lengths", "reached": small.reached}
    return small.sweep(measure=measure).run(tmp_path_factory.mktemp("results"), 0, progress=False)


def runs_of(cell, episodes=60):
    return small.make_bundle(**cell.labels).run(episodes, seed=5)


# Sums of streams.

numbers = hnp.arrays(float, st.integers(0, 60), elements=st.floats(-1e6, 1e6))


@given(st.lists(numbers, max_size=6), st.booleans())
def test_a_summary_is_that_of_all_numbers(parts, missing):
    summary = Summary()
    for part in parts:
        summary.add(np.concatenate([part, [np.nan]]) if missing else part)
    whole = np.concatenate([*parts, []])
    assert summary.n == len(whole)
    if len(whole):
        assert summary.mean == pytest.approx(whole.mean(), rel=1e-9, abs=1e-6)
        levels = [0.0, 0.05, 0.5, 0.95, 1.0]
        expected = np.quantile(whole, levels, method="inverted_cdf")
        np.testing.assert_array_equal(summary.quantiles(levels), expected)
        assert (summary.low, summary.high) == (whole.min(), whole.max())
    else:
        assert np.isnan(summary.quantiles([0.5])).all()
    if len(whole) > 1:
        sem = whole.std(ddof=1) / np.sqrt(len(whole))
        assert summary.standard_error == pytest.approx(sem, rel=1e-7, abs=1e-6)
    else:
        assert np.isnan(summary.standard_error)


@pytest.mark.parametrize("parts", [7, 20, 64, 100, 1000])
def test_quantiles_are_those_of_exact_levels(parts):
    """Where `level * n` is a little more than a whole number as well: 0.07 * 100, 0.55 * 100."""
    levels = np.arange(parts + 1) / parts
    for n in range(1, 300):
        summary = Summary()
        summary.add(np.arange(1.0, n + 1))
        exact = [max(-(-part * n // parts), 1) for part in range(parts + 1)]
        assert summary.quantiles(levels).tolist() == exact
        if parts == 64:  # numpy rounds other levels up, too
            assert np.quantile(np.arange(1.0, n + 1), levels, method="inverted_cdf").tolist() == exact


def test_quantiles_of_very_many_values_are_close(monkeypatch):
    monkeypatch.setattr(statistics, "_DISTINCT", 50_000)
    draws = np.random.default_rng(0).normal(3.0, 2.0, (10, 30_000))
    summary = Summary()
    for part in draws:
        summary.add(part)
    levels = np.linspace(0.01, 0.99, 25)
    expected = np.quantile(draws, levels, method="inverted_cdf")
    assert np.all(np.abs(summary.quantiles(levels) - expected) <= np.abs(expected) / 8192)
    assert len(summary._values) < 150_000
    summary.add(np.zeros(900_000))
    assert summary.quantiles([0.5]) == 0.0


@pytest.mark.parametrize("window", [1, 7, 16, 1000])
def test_windows_do_not_follow_from_the_files(tmp_path, results, monkeypatch, window):
    monkeypatch.setattr(statistics, "WINDOW", window)
    other = small.sweep(chunk=7).run(tmp_path, 0, progress=False)
    assert other.table().equals(results.table())
    assert other.table("limit").equals(results.table("limit"))


# Tables.


def test_the_table_is_that_of_the_episodes(results):
    table = results.table()
    assert list(table.columns[:6]) == ["who", "limit", "measure", "n", "mean", "standard_error"]
    assert list(table.columns[6:]) == [f"quantile_{level}" for level in ("05", "50", "95")]
    rows = iter(table.to_dict("records"))
    for cell in results.cells:
        runs = runs_of(cell)
        for name, values in (("rounds", runs.lengths), ("reached", small.reached(runs))):
            row = next(rows)
            assert {**cell.labels, "measure": name, "n": 60}.items() <= row.items()
            assert row["mean"] == pytest.approx(values.mean())
            assert row["standard_error"] == pytest.approx(values.std(ddof=1) / np.sqrt(60))
            assert row["quantile_95"] == np.quantile(values, 0.95, method="inverted_cdf")
    assert next(rows, None) is None


@pytest.mark.parametrize("reference", [None, "random", "habit"])
def test_differences_are_those_of_pairs(results, reference):
    table = results.table("who", reference, measures=["reached"], quantiles=[0.5])
    base = reference or "random"
    assert table["who"].tolist() == [{"random": "habit", "habit": "random"}[base]] * 2
    for row in table.to_dict("records"):
        mine, theirs = (
            small.reached(small.make_bundle(who, row["limit"]).run(60, seed=5)).astype(float)
            for who in (row["who"], base)
        )
        assert row["mean"] == pytest.approx((mine - theirs).mean())
        assert row["standard_error"] == pytest.approx((mine - theirs).std(ddof=1) / np.sqrt(60))


def test_differences_are_of_what_both_have(tmp_path):
    results = small.sweep().run(tmp_path, 0, progress=False)
    cell = results.cells[0]
    folder = tmp_path / "chunks" / cell.name
    for file in list(folder.glob("*.parquet"))[:3]:
        file.unlink()
    missing = 60 - results.episodes()[cell]
    table = results.table("who")
    assert table["n"].tolist() == [60 - missing] * 2 + [60] * 2


def test_a_sweep_that_goes_on_is_told_of(tmp_path):
    small.sweep().run(tmp_path, 0, progress=False, worker=(1, 4))
    results = SweepResults(tmp_path)
    assert "4 cells, 60 episodes" in repr(results)
    assert results.table()["n"].tolist() == [60, 60, 0, 0, 0, 0, 0, 0]
    assert results.plot("limit", hue="who").get_xlabel() == "limit"


def test_what_is_not_there_is_named(results, tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'rounds'"):
        results.table(measures=["round"])
    with pytest.raises(ArgumentError, match=re.escape("levels from 0 to 1, got [0.5, 95]")):
        results.table(quantiles=[0.5, 95])
    with pytest.raises(ArgumentError, match="a number between 0 and 1, got 95"):
        results.plot("limit", "who", level=95)
    with pytest.raises(UnknownNameError, match="Did you mean 'who'"):
        results.table("whom")
    with pytest.raises(ArgumentError, match=re.escape("who: expected one of ['random', 'habit'], got 'me'")):
        results.table("who", "me")
    other = small.sweep(10, common=False).run(tmp_path, 0, progress=False)
    with pytest.raises(ArgumentError, match=r"different luck \(common=False\)"):
        other.table("who")
    assert other.table()["n"].tolist() == [10] * 8


def test_cells_with_luck_of_their_own(tmp_path):
    small.sweep(10, common=False).run(tmp_path, 0, progress=False)
    table = SweepResults(tmp_path).table()
    sweep = small.sweep(10, common=False)
    for cell in sweep.cells:
        runs = sweep.bundle(**cell.labels).run(10, seed=cell.seed)
        row = table[(table.who == cell.labels["who"]) & (table.limit == cell.labels["limit"])]
        assert row["mean"].tolist() == pytest.approx(
            [runs.lengths.mean(), runs["task_state.x"][:, -1].mean()]
        )


# Figures.


def test_the_figure_can_be_read(results):
    ax = results.plot("limit", hue="who", measure="reached")
    check_readable(ax.figure)
    assert [text.get_text() for text in ax.texts] == ["mean and 95 % normal interval,\nn = 60"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["random", "habit"]
    line = ax.containers[0].lines[0]
    table = results.table(measures=["reached"])
    np.testing.assert_allclose(line.get_xdata(), [5, 8])
    np.testing.assert_allclose(line.get_ydata(), table["mean"][:2])


def test_labels_that_are_words_have_their_places(results):
    ax = results.plot("who", where={"limit": 5})
    assert [text.get_text() for text in ax.get_xticklabels()] == ["random", "habit"]
    assert ax.get_legend() is None


def test_an_axis_that_is_left_open_has_panels(results):
    ax = results.plot("who")
    panels = ax.figure.axes
    assert [panel.get_title("left").split("$")[-1].strip() for panel in panels] == ["limit 5", "limit 8"]
    means = results.table(measures=["rounds"]).set_index(["limit", "who"])["mean"]
    for panel, limit in zip(panels, (5, 8), strict=True):
        drawn = panel.containers[0].lines[0].get_ydata()
        np.testing.assert_allclose(drawn, [means[limit, "random"], means[limit, "habit"]])
    check_readable(ax.figure)


def test_nothing_is_averaged_over_an_axis(results):
    with pytest.raises(ArgumentError, match=re.escape("as in where={'limit': 5}")):
        results.plot("who", ax=results.plot("limit", "who"))
    with pytest.raises(UnknownNameError, match="'whom'"):
        results.plot("whom")
    with pytest.raises(UnknownNameError, match="measure"):
        results.plot("limit", "who", "length")


# Until the mean is known well enough.


def errors_of(results, differences=None):
    return results.table(differences, measures=["reached"])["standard_error"].to_numpy()


def test_cells_are_played_until_their_mean_is_known(tmp_path):
    sweep = small.sweep(4000, until={"reached": 0.05}, chunk=32)
    results = sweep.run(tmp_path, 0, progress=False)
    assert (errors_of(results) <= 0.05).all()
    there = results.episodes()
    random = [n for cell, n in there.items() if cell.labels["who"] == "random"]
    habit = [n for cell, n in there.items() if cell.labels["who"] == "habit"]
    assert habit == [160, 160]  # always the same, so that no more are needed than one other value takes
    assert all(160 < n < 1500 for n in random)


def test_the_differences_are_known_where_they_are_meant(tmp_path):
    sweep = small.sweep(4000, until={"reached": 0.05}, paired="limit", chunk=32)
    results = sweep.run(tmp_path, 0, progress=False)
    assert (errors_of(results, "limit") <= 0.05).all()
    there = results.episodes()
    assert len(set(there.values())) == 2  # both of a pair have as many


def test_no_cell_gets_more_than_all_its_episodes(tmp_path):
    sweep = small.sweep(150, until={"reached": 1e-9}, chunk=32)
    found = sweep.run(tmp_path, 0, progress=False).episodes()
    assert set(found.values()) == {150}


@pytest.mark.parametrize("paired", [None, "limit"])
def test_a_rare_event_is_waited_for(tmp_path, paired):
    """The first 128 episodes are all alike, and the standard error of their mean is 0."""
    over = {"who": ["random"], "limit": [5, 6]}
    for seed in range(6):
        sweep = Sweep(
            small.make_bundle, over, 20_000, seed, measure={"it": small.rare}, chunk=128,
            record=["task_state.x"], until={"it": 0.002}, paired=paired,
        )  # fmt: skip
        table = sweep.run(tmp_path / str(seed), 0, progress=False).table(paired, quantiles=[])
        assert (table["n"] >= 500).all()  # of which another one would change the mean by 0.002
        assert (table["standard_error"] <= 0.002).all()
        assert (table["mean"] > 0).all()


@pytest.mark.parametrize(("paired", "n"), [(None, 1536), ("limit", 384)])
def test_what_is_always_the_same_ends(tmp_path, paired, n):
    over = {"who": ["habit"], "limit": [5, 8]}
    measure, until = {"it": small.four}, {"it": 1 / 380}
    sweep = Sweep(small.make_bundle, over, 20_000, measure=measure, chunk=128, until=until, paired=paired)
    results = sweep.run(tmp_path, 0, progress=False)
    assert set(results.episodes().values()) == {n}  # 4 in all of them, or a difference of 0, which might be 1


def test_those_who_are_paired_have_chunks_of_one_size(tmp_path, monkeypatch):
    """One plays four times as quickly: all its episodes are in pairs."""
    real, seconds = playing.try_one, {"habit": 3 / 256, "random": 3 / 64}

    def tried(cell, *given):
        real(cell, *given)
        return Trial(cell, seconds[cell.labels["who"]], 1.0)

    monkeypatch.setattr(playing, "try_one", tried)
    sweep = small.sweep(4000, until={"reached": 0.1}, chunk=None, paired="who")
    results = sweep.run(tmp_path, 0, progress=False)
    assert {one["chunk"] for one in results.manifest["cells"]} == {64}
    there = {tuple(cell.labels.values()): n for cell, n in results.episodes().items()}
    assert all(there["random", limit] == there["habit", limit] for limit in (5, 8))
    apart = small.sweep(4000, until={"reached": 0.1}, chunk=None).run(tmp_path / "apart", 0, progress=False)
    assert [one["chunk"] for one in apart.manifest["cells"]] == [64, 64, 256, 256]


@pytest.mark.parametrize("executor", [lambda: nullcontext(0), small.pool], ids=["here", "pool"])
@pytest.mark.parametrize("paired", [None, "limit"])
def test_stages_follow_from_results_alone(tmp_path, executor, paired):
    """Also where a run was stopped, and some of what it had played is not there."""
    sweep = small.sweep(2000, until={"reached": 0.06}, paired=paired, chunk=32)
    expected = tmp_path / "expected"
    sweep.run(expected, 0, progress=False)
    folder = tmp_path / "resumed"
    with executor() as workers:
        sweep.run(folder, workers, progress=False)
        assert small.files(folder) == small.files(expected)
        for file in sorted(folder.glob("chunks/*/*.parquet"))[::3]:
            file.unlink()
        sweep.run(folder, workers, progress=False)
    assert small.files(folder) == small.files(expected)


def test_shares_need_a_fixed_number_of_episodes(tmp_path):
    with pytest.raises(ArgumentError, match="with until= the next chunks follow from all results"):
        small.sweep(until={"reached": 0.1}).run(tmp_path, 0, progress=False, worker=(1, 2))
