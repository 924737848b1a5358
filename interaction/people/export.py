"""The data of a study: its log as tables that `fit` and other libraries take, with a dictionary of columns.

The rounds are kept nowhere: each session is played again, so that the data is what its log says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from interaction.errors import ArgumentError, missing_extra
from interaction.files import write_whole
from interaction.people.dictionary import describe
from interaction.people.events import Event
from interaction.people.rows import Row, rows_of
from interaction.people.session import ReplayError
from interaction.people.study import Study

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Tables:
    """The data of a study: `rounds`, `answers` and `sessions`, and the `dictionary` of their columns.

    `rounds` has one row for each round that was played to its end, practice included; it is data for `fit` as
    it is. `answers` and `sessions` have one for each session. `left_out` says which sessions are in none of
    them, and why.

    >>> from interaction import Bundle, spaces
    >>> from interaction.people import Condition, Person, Questionnaire, Study, export, pilot
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), Person(spaces.Discrete(2)), max_rounds=2)
    >>> asked = [Questionnaire("ease", "How easy was it?", 1, 7)]
    >>> study = Study("two arms", {"plain": Condition(bundle)}, episodes=1, after=asked)
    >>> tables = export(study, pilot(study, participants=2))
    >>> print(tables.answers)
       participant condition  ease
    0            0     plain     4
    1            1     plain     4
    """

    rounds: pandas.DataFrame
    answers: pandas.DataFrame
    sessions: pandas.DataFrame
    dictionary: pandas.DataFrame
    left_out: tuple[str, ...] = ()

    def save(self, path: str | Path) -> list[Path]:
        """Write the rounds to a file and the other tables beside it, and give the files.

        "out.parquet" comes with "out.answers.parquet", "out.sessions.parquet" and "out.dictionary.csv". The
        ending says how: ".parquet" (which needs pyarrow) or ".csv". Each file is written whole or not at all.
        Raises `ArgumentError` for another ending, and for a folder that is not there.
        """
        file = table_file(path)
        files = {
            file: self.rounds,
            file.with_suffix(f".answers{file.suffix}"): self.answers,
            file.with_suffix(f".sessions{file.suffix}"): self.sessions,
            file.with_suffix(".dictionary.csv"): self.dictionary,
        }
        for name, table in files.items():
            write_whole(name, _writing(table, name.suffix))
        return list(files)


def table_file(path: str | Path) -> Path:
    """Give the file of a table; raise an `ArgumentError` where it cannot be one."""
    file = Path(path)
    if file.suffix not in (".parquet", ".csv"):
        raise ArgumentError(f"export: expected a file that ends in .parquet or .csv, got {str(path)!r}")
    if not file.parent.is_dir():
        raise ArgumentError(f"export: {path}: there is no folder {file.parent}")
    return file


def _of_one_kind(table: pandas.DataFrame) -> pandas.DataFrame:
    """Give a table in which all is text where one condition has texts and another one numbers."""
    from pandas.api.types import infer_dtype

    mixed = [str(name) for name in table if infer_dtype(table[name], skipna=True).startswith("mixed")]
    return table.assign(**{name: table[name].map(str, na_action="ignore") for name in mixed})


def _writing(table: pandas.DataFrame, ending: str) -> Callable[[IO[bytes]], None]:
    """Give what writes a table into a file with an ending."""

    def write(out: IO[bytes]) -> None:
        if ending == ".csv":
            out.write(table.to_csv(index=False).encode("utf-8"))
            return
        try:
            _of_one_kind(table).to_parquet(out, engine="pyarrow", index=False)
        except ImportError:
            raise missing_extra("pyarrow", "people", "export to a .parquet file") from None

    return write


def export(study: Study, events: Iterable[Event], *, leave_out: bool = False) -> Tables:
    """Give the data of a study as tables.

    Each session is played again from its events; those of several sessions may be mixed. Raises `ReplayError`
    for a session that does not replay (its code has changed, say); `leave_out` leaves such ones out, and
    `left_out` of the tables says which. Raises `MissingExtraError` without pandas.

    >>> from interaction import Bundle, spaces
    >>> from interaction.people import Condition, Person, Study, export, pilot
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), Person(spaces.Discrete(2)), max_rounds=2)
    >>> study = Study("two arms", {"plain": Condition(bundle)}, episodes=1, practice=1)
    >>> rounds = export(study, pilot(study, participants=2)).rounds
    >>> print(rounds[["participant", "episode", "round", "practice", "user_action", "response_time"]])
       participant  episode  round  practice  user_action  response_time
    0            0        0      0      True            0         0.7460
    1            0        0      1      True            0         0.5116
    2            0        1      0     False            1         0.5124
    3            0        1      1     False            0         0.4686
    4            1        0      0      True            1         0.4641
    5            1        0      1      True            1         0.5945
    6            1        1      0     False            0         1.0365
    7            1        1      1     False            0         0.3202
    """
    try:
        import pandas  # noqa: F401
    except ImportError:
        raise missing_extra("pandas", "people", "export") from None
    logs: dict[str, list[Event]] = {}
    for event in events:
        logs.setdefault(event.session, []).append(event)
    found, left_out = [], []
    for log in logs.values():
        try:
            found.append(rows_of(study, log))
        except ReplayError as error:
            if not leave_out:
                raise
            left_out.append(str(error))
    rounds = _frame([row for rows, _, _ in found for row in rows])
    answers = _frame([row for _, row, _ in found])
    sessions = _frame([row for _, _, row in found])
    named = {"rounds": rounds.columns, "answers": answers.columns, "sessions": sessions.columns}
    return Tables(rounds, answers, sessions, _frame(describe(study, named)), tuple(left_out))


def _frame(rows: Sequence[Row]) -> pandas.DataFrame:
    """Make a table of rows; what a row lacks is missing, and whole numbers and flags keep their kind."""
    import pandas

    names = dict.fromkeys(name for row in rows for name in row)
    return pandas.DataFrame({name: _column([row.get(name) for row in rows]) for name in names})


def _column(values: list[Any]) -> pandas.Series[Any]:
    import pandas

    kinds = {type(value) for value in values if value is not None}
    if bool in kinds and kinds != {bool} and kinds <= {bool, int, float}:  # of conditions that differ
        values = [int(value) if isinstance(value, bool) else value for value in values]
        kinds = kinds - {bool} | {int}
    whole = {frozenset({int}): "Int64", frozenset({bool}): "boolean"}.get(frozenset(kinds))
    if whole is not None and None in values:
        return pandas.Series(values, dtype=whole)
    if float in kinds and kinds <= {int, float}:
        return pandas.Series(values, dtype="float64")
    return pandas.Series(values)
