"""Who belongs to which group: the column `group` of logged data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from interaction.errors import ArgumentError

if TYPE_CHECKING:
    import pandas

Array = NDArray[Any]


class Groups(NamedTuple):
    """The groups of some people: their `labels`, and an index into these for each user, `of_user`.

    People who were not told apart are one group, without a label.
    """

    labels: tuple[Any, ...]
    of_user: Array

    @classmethod
    def of(cls, users: Array, known: pandas.Series[Any] | None, where: str) -> Groups:
        """Give the groups of users (their names), by what `read_groups` gave; raise for fewer than two."""
        if len(users) < 2:
            raise ArgumentError(f"{where}: a population has several people, got the data of one: {users[0]}")
        if known is None:
            return cls((None,), np.zeros(len(users), np.int64))
        labels = _labels(known)
        place = {label: index for index, label in enumerate(labels)}
        return cls(tuple(labels), np.array([place[known[user]] for user in users]))


def read_groups(
    data: Any, users: str | None, population: bool, where: str
) -> tuple[Any, pandas.Series[Any] | None]:
    """Give the data without its column `group`, and the group of each person by name, or None.

    Raises `ArgumentError`, with the first row, the person or the column, for a table of a population that
    does not tell its people apart, for people without rounds, missing groups, groups that change within a
    person, and groups of fewer than two people; and for the column where there is no population.
    """
    try:
        import pandas
    except ImportError:
        return data, None  # which is said where data is read
    if not isinstance(data, pandas.DataFrame) or len(data) == 0:
        return data, None  # a run, or what is refused where data is read
    if not population:
        if "group" in data:
            raise ArgumentError(
                f"{where}: the column 'group' is for populations: give population=..., or drop it"
            )
        return data, None
    person = "episode" if users == "episode" else "user"
    if person not in data or users == "pooled":
        raise ArgumentError(
            f"{where}: a population has several people: expected a column 'user' that tells them apart, or "
            f'users="episode" if each episode is another person'
        )
    _check_there(data, person, where)
    if "group" not in data:
        return data, None
    _check_there(data, "group", where)
    first = data.groupby(person, sort=False, observed=True)["group"].transform("first")
    wrong = np.flatnonzero((data["group"] != first).to_numpy())
    if len(wrong):
        row = data.iloc[wrong[0]]
        raise ArgumentError(
            f"{where}: row {data.index[wrong[0]]}: {person} {row[person]} is in group {row['group']!r}, but "
            f"in group {first.iloc[wrong[0]]!r} before: a person belongs to one group"
        )
    known = data.drop_duplicates(person).set_index(person)["group"]
    labels = _labels(known)
    if len(labels) < 2:
        raise ArgumentError(
            f"{where}: the column 'group' holds one group alone, {labels[0]!r}: drop the column, or give the "
            f"people of the others, too"
        )
    for label in labels:
        if (known == label).sum() < 2:
            raise ArgumentError(f"{where}: group {label!r}: expected two people or more, got one")
    return data.drop(columns="group"), known


def _check_there(data: pandas.DataFrame, column: str, where: str) -> None:
    """Raise for a row that lacks a value, and for a category without rows."""
    import pandas

    series = data[column]
    if series.isna().any():
        raise ArgumentError(f"{where}: row {series.isna().idxmax()}: {column} is missing")
    if isinstance(series.dtype, pandas.CategoricalDtype):
        for category in series.cat.categories:
            if not (series == category).any():
                raise ArgumentError(
                    f"{where}: {column} {category!r} has no rounds; if that is meant, say "
                    f"data.{column}.cat.remove_unused_categories()"
                )


def _labels(known: pandas.Series[Any]) -> list[Any]:
    """Give the groups in the order of their categories, else sorted."""
    import pandas

    if isinstance(known.dtype, pandas.CategoricalDtype):
        return list(known.cat.categories)
    return sorted(known.unique())
