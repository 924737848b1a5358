"""Another clock and another environment: a component must give the same in any."""

from __future__ import annotations

import datetime
import os
import sys
import time
from collections import UserDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

JUMP = 1009  # seconds, a prime, by which each look at the clock puts it forward
PERSONAL = ("HOME", "USER", "LOGNAME", "USERNAME", "LANG", "LC_ALL", "LANGUAGE", "TZ", "TERM", "EDITOR")
_CLOCKS = ("time", "monotonic", "perf_counter", "process_time", "thread_time")
_LOOKUPS = (__name__, "os", "collections", "collections.abc", "_collections_abc")

Swap = tuple[object, object]


@contextmanager
def other_clock(modules: Iterable[str], days: int) -> Iterator[None]:
    """Put the clocks forward by some days (or back), and by some minutes more each time they are looked at.

    `modules` names those that may hold a clock by a name of their own (`from time import time`).
    """
    with _swapped(("time", "datetime", *modules), _clocks(days * 86_400.0)):
        yield


@contextmanager
def other_environment(modules: Sequence[str]) -> Iterator[None]:
    """Change who and where one is, and each variable that the named modules look up."""
    with _swapped(("os", *modules), [(os.environ, _Environment(modules))]):
        yield


def changed(name: str, value: str | None) -> str:
    """Give another value of an environment variable."""
    if name == "TZ":
        return "Asia/Kolkata" if value != "Asia/Kolkata" else "UTC"
    if value is None:
        return "1"
    return str(int(value) + 1) if value.isdecimal() else f"{value}-elsewhere"


@contextmanager
def _swapped(modules: Iterable[str], swaps: Sequence[Swap]) -> Iterator[None]:
    """Put other objects in place of some, wherever these modules hold them."""
    done: list[tuple[ModuleType, str, object]] = []
    try:
        for module in [sys.modules[name] for name in dict.fromkeys(modules) if name in sys.modules]:
            for name, value in list(vars(module).items()):
                other = next((new for old, new in swaps if value is old), None)
                if other is not None:
                    done.append((module, name, value))
                    setattr(module, name, other)
        yield
    finally:
        for module, name, value in done:
            setattr(module, name, value)


def _clocks(shift: float) -> list[Swap]:
    now = time.time

    def ahead() -> float:
        nonlocal shift
        shift += JUMP
        return shift

    def moved(read: Callable[[], Any], unit: int) -> Callable[[], Any]:
        return lambda: read() + (int(ahead()) * unit if unit > 1 else ahead())

    def filled(read: Callable[[Any], Any]) -> Callable[..., Any]:
        return lambda seconds=None: read(now() + ahead() if seconds is None else seconds)

    local, text, written = time.localtime, time.strftime, time.asctime
    swaps: list[Swap] = []
    for name in _CLOCKS:
        swaps.append((getattr(time, name), moved(getattr(time, name), 1)))
        swaps.append((getattr(time, f"{name}_ns"), moved(getattr(time, f"{name}_ns"), 10**9)))
    swaps += [(read, filled(read)) for read in (time.localtime, time.gmtime, time.ctime)]
    swaps.append((text, lambda form, t=None: text(form, local(now() + ahead()) if t is None else t)))
    swaps.append((written, lambda t=None: written(local(now() + ahead()) if t is None else t)))

    real, real_date = datetime.datetime, datetime.date

    class AsBefore(type(real)):  # type: ignore[misc]
        """What was a date before is an instance of the class that stands in for that of dates."""

        def __instancecheck__(cls, instance: object) -> bool:
            stands_for = {OtherDatetime: real, OtherDate: real_date}.get(cls)
            return (
                super().__instancecheck__(instance)
                if stands_for is None
                else isinstance(instance, stands_for)
            )

    class OtherDatetime(real, metaclass=AsBefore):  # type: ignore[misc, valid-type]
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return real.now(tz) + datetime.timedelta(seconds=ahead())

        @classmethod
        def today(cls) -> Any:
            return cls.now()

        @classmethod
        def utcnow(cls) -> Any:
            return cls.now(datetime.UTC).replace(tzinfo=None)

    class OtherDate(real_date, metaclass=AsBefore):  # type: ignore[misc, valid-type]
        @classmethod
        def today(cls) -> Any:
            return (real.now() + datetime.timedelta(seconds=ahead())).date()

    return [*swaps, (real, OtherDatetime), (real_date, OtherDate)]


class _Environment(UserDict[str, str]):
    """The environment of somebody else.

    Each variable that is looked up from one of the modules (those of components) has another value, also
    if it is not set; libraries find their own settings as they are.
    """

    def __init__(self, modules: Sequence[str]) -> None:
        self._modules = frozenset(modules)
        self._own = dict(os.environ)
        super().__init__(
            {name: changed(name, value) if name in PERSONAL else value for name, value in self._own.items()}
        )

    def __getitem__(self, name: str) -> str:
        if self._asked_by_a_component():
            return changed(name, self._own.get(name))
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        return self._asked_by_a_component() or super().__contains__(name)

    def _asked_by_a_component(self) -> bool:
        frame = sys._getframe(2)
        while frame.f_globals.get("__name__") in _LOOKUPS and frame.f_back is not None:
            frame = frame.f_back
        return frame.f_globals.get("__name__") in self._modules
