"""Expressions of one episode, by name: what components are written with."""

import math
import operator

import numpy as np

# What is too long for a line.


def zeros_in_place_of_positives(x):
    y = x.copy()
    y[y > 0] = 0
    return y


def changed_in_place(x):
    y = x * 1
    y += 1
    y *= 2
    return y


def entry_assigned(x):
    y = x.copy()
    y[0] = y[-1]
    y[abs(int(y[0])) % 2 if np.ndim(x) == 1 and np.isfinite(y[0]) else 0] += 3
    return y


def view_assigned(x):
    y = x.copy()
    part = y[1:]
    part[...] = 7
    return y.sum(), part


def first_assigned(x):
    y = np.zeros_like(x)
    y[0] = x[-1]
    return y


def counted_down(x):
    steps = 0
    while x > 0 and steps < 5:
        x = x - 1
        steps += 1
    return steps


def caught(x):
    try:
        return 1 / x
    except ZeroDivisionError:
        return -1


def looked_up_and_assigned(x, i):
    y = x.copy()
    y[i] = y[i] * 2 + 1
    return y


def column_assigned(x, i):
    y = x.copy()
    y[:, i] = y[:, i] * 2 + 1
    y[0, i] = 5
    return y


def added_in_place(x, y):
    z = x.copy()
    z += y
    return z


def as_whole(x):
    return x.astype(int) if np.isfinite(x).all() and np.all(abs(x) < 1e15) else 0


def softmax(x):
    weights = np.exp(x - x.max())
    return weights / weights.sum()


UNARY = {
    # operators and Python's functions
    "-x": operator.neg,
    "+x": operator.pos,
    "abs(x)": abs,
    "~x": operator.invert,
    "not x": lambda x: not x,
    "x + 1": lambda x: x + 1,
    "x * 2.5": lambda x: x * 2.5,
    "x - True": lambda x: x - True,
    "3 - x": lambda x: 3 - x,
    "1 / x": lambda x: 1 / x,
    "x / 3": lambda x: x / 3,
    "x // 2": lambda x: x // 2,
    "x // 0.3": lambda x: x // 0.3,
    "7 // x": lambda x: 7 // x,
    "x % 3": lambda x: x % 3,
    "x % -2.5": lambda x: x % -2.5,
    "7 % x": lambda x: 7 % x,
    "5.5 % x": lambda x: 5.5 % x,
    "divmod(x, 3)": lambda x: divmod(x, 3),
    "x**0": lambda x: x**0,
    "x**1": lambda x: x**1,
    "x**2": lambda x: x**2,
    "x**3": lambda x: x**3,
    "x**0.5": lambda x: x**0.5,
    "x**-1": lambda x: x**-1,
    "x**2.5": lambda x: x**2.5,
    "2**x": lambda x: 2**x,
    "2.0**x": lambda x: 2.0**x,
    "x & 1": lambda x: x & 1,
    "x | 2": lambda x: x | 2,
    "x ^ x": lambda x: x ^ x,
    "x << 3": lambda x: x << 3,
    "x >> 1": lambda x: x >> 1,
    "round(x)": round,
    "round(x, 1)": lambda x: round(x, 1),
    "int(x)": int,
    "float(x)": float,
    "bool(x)": bool,
    "math.floor(x)": math.floor,
    "math.ceil(x)": math.ceil,
    "math.trunc(x)": math.trunc,
    "math.exp(x)": math.exp,
    "math.sqrt(x)": math.sqrt,
    "sum(x)": sum,
    "max(x)": max,
    "min(x)": min,
    "len(x)": len,
    "[v + 1 for v in x]": lambda x: tuple(v + 1 for v in x),
    "a branch": lambda x: 1 if x > 0 else x,
    "0 < x < 3": lambda x: 0 < x < 3,
    "x > 0 and x < 2": lambda x: x > 0 and x < 2,
    "x or 5": lambda x: x or 5,
    "x in (1, 2, 3)": lambda x: x in (1, 2, 3),
    "isinstance(x, float)": lambda x: isinstance(x, float),
    "isinstance(x, int)": lambda x: isinstance(x, int),
    "isinstance(x, np.ndarray)": lambda x: isinstance(x, np.ndarray),
    "a while loop": counted_down,
    "try": caught,
    "a dictionary": lambda x: {1: 5, 2: 7}.get(x, 0),
    "a list": lambda x: [1, 2, 3, 4, 5, 6, 7, 8, 9][x],
    "sum(range(abs(x)))": lambda x: sum(range(abs(x))),
    # reductions
    "x.sum()": lambda x: x.sum(),
    "np.sum(x)": np.sum,
    "np.mean(x)": np.mean,
    "np.std(x)": np.std,
    "np.var(x)": np.var,
    "np.prod(x)": np.prod,
    "np.max(x)": np.max,
    "np.min(x)": np.min,
    "np.any(x)": np.any,
    "np.all(x)": np.all,
    "np.ptp(x)": np.ptp,
    "np.ptp(x, axis=0)": lambda x: np.ptp(x, axis=0),
    "np.median(x)": np.median,
    "np.median(x, axis=-1)": lambda x: np.median(x, axis=-1),
    "x.sum(axis=0)": lambda x: x.sum(axis=0),
    "x.sum(axis=-1)": lambda x: x.sum(axis=-1),
    "x.sum(axis=-1, keepdims=True)": lambda x: x.sum(axis=-1, keepdims=True),
    "x.mean(axis=0)": lambda x: x.mean(axis=0),
    "x.mean(-1)": lambda x: x.mean(-1),
    "np.std(x, axis=0)": lambda x: np.std(x, axis=0),
    "x.std(axis=-1, ddof=1)": lambda x: x.std(axis=-1, ddof=1),
    "x.max(axis=0)": lambda x: x.max(axis=0),
    "x.max(axis=-1, keepdims=True)": lambda x: x.max(axis=-1, keepdims=True),
    "np.prod(x, axis=-1)": lambda x: np.prod(x, axis=-1),
    "np.count_nonzero(x)": np.count_nonzero,
    "np.add.reduce(x)": np.add.reduce,
    "np.maximum.accumulate(x)": np.maximum.accumulate,
    "np.logaddexp.reduce(x)": np.logaddexp.reduce,
    "np.average(x, weights=abs(x))": lambda x: np.average(x, weights=np.abs(x)),
    "np.percentile(x, 30)": lambda x: np.percentile(x, 30),
    # in order
    "np.argmax(x)": np.argmax,
    "np.argmin(x)": np.argmin,
    "np.argmax(x, axis=0)": lambda x: np.argmax(x, axis=0),
    "x.argmax(axis=-1)": lambda x: x.argmax(axis=-1),
    "np.cumsum(x)": np.cumsum,
    "np.cumprod(x)": np.cumprod,
    "np.cumsum(x, axis=0)": lambda x: np.cumsum(x, axis=0),
    "np.cumsum(x, axis=-1)": lambda x: np.cumsum(x, axis=-1),
    "np.sort(x)": np.sort,
    "np.sort(x, axis=0)": lambda x: np.sort(x, axis=0),
    "np.argsort(x)": np.argsort,
    "np.argsort(x, kind='stable')": lambda x: np.argsort(x, kind="stable"),
    "np.diff(x)": np.diff,
    "np.unique(x).sum()": lambda x: np.unique(x).sum(),
    "np.lexsort((x,))": lambda x: np.lexsort((x,)),
    "np.histogram(x)": lambda x: np.histogram(x, 3, (-5, 5))[0],
    "np.bincount(x * x)": lambda x: np.bincount(x * x, minlength=80),
    # entry by entry
    "np.exp(x)": np.exp,
    "np.log(x)": np.log,
    "np.sqrt(x)": np.sqrt,
    "np.sin(x)": np.sin,
    "np.tanh(x)": np.tanh,
    "np.square(x)": np.square,
    "np.sign(x)": np.sign,
    "np.floor(x)": np.floor,
    "np.rint(x)": np.rint,
    "np.round(x)": np.round,
    "np.round(x, 1)": lambda x: np.round(x, 1),
    "np.hypot(x, 1)": lambda x: np.hypot(x, 1),
    "np.clip(x, -1, 1)": lambda x: np.clip(x, -1, 1),
    "np.clip(x, -0.5, 2.5)": lambda x: np.clip(x, -0.5, 2.5),
    "np.clip(x, 0, None)": lambda x: np.clip(x, 0, None),
    "np.where(x > 0, x, -1)": lambda x: np.where(x > 0, x, -1),
    "np.where(x > 0, x, 0.5)": lambda x: np.where(x > 0, x, 0.5),
    "np.select": lambda x: np.select([x < 0, x > 2], [x, x * 2.0], 0.0),
    "np.isclose(x, 1.0)": lambda x: np.isclose(x, 1.0),
    "np.nan_to_num(x)": np.nan_to_num,
    "1 / (1 + np.exp(-x))": lambda x: 1 / (1 + np.exp(-x)),
    "softmax": softmax,
    "x / x.sum()": lambda x: x / x.sum(),
    "np.float32(2.5) * x": lambda x: np.float32(2.5) * x,
    "x.astype(np.float32) + 1": lambda x: x.astype(np.float32) + 1,
    "x.astype(int)": as_whole,
    "x.astype(float)": lambda x: x.astype(float),
    "x.astype(bool)": lambda x: x.astype(bool),
    # entries and shapes
    "x[0]": lambda x: x[0],
    "x[-1]": lambda x: x[-1],
    "x[1:]": lambda x: x[1:],
    "x[1:].sum()": lambda x: x[1:].sum(),
    "x[::-1]": lambda x: x[::-1],
    "x[::-1].sum()": lambda x: x[::-1].sum(),
    "x[..., 0]": lambda x: x[..., 0],
    "x[:, 0]": lambda x: x[:, 0],
    "x[:, 1:].sum()": lambda x: x[:, 1:].sum(),
    "x[[0, 1]]": lambda x: x[[0, 1]],
    "x[None]": lambda x: x[None],
    "x[..., None]": lambda x: x[..., None],
    "x[x > 0]": lambda x: x[x > 0],
    "x[x > 0].sum()": lambda x: x[x > 0].sum(),
    "np.flatnonzero(x)": lambda x: np.flatnonzero(x)[:1].sum(),
    "np.take(x, [0, 1])": lambda x: np.take(x, [0, 1]),
    "x.item()": lambda x: x.item(),
    "x.tolist()[0]": lambda x: x.tolist()[0],
    "x.T": lambda x: x.T,
    "x.T.sum()": lambda x: x.T.sum(),
    "x.T.reshape(-1)": lambda x: x.T.reshape(-1),
    "(x.T * 2).sum(axis=0)": lambda x: (x.T * 2).sum(axis=0),
    "np.ravel(x)": np.ravel,
    "x.reshape(-1)": lambda x: x.reshape(-1),
    "x.flatten()": lambda x: x.flatten(),
    "x.shape": lambda x: x.shape,
    "np.ndim(x)": np.ndim,
    "np.size(x)": np.size,
    "np.swapaxes(x, 0, 1).sum(axis=0)": lambda x: np.swapaxes(x, 0, 1).sum(axis=0),
    "np.moveaxis(x, 0, -1)": lambda x: np.moveaxis(x, 0, -1).copy().sum(),
    "np.expand_dims(x, 0)": lambda x: np.expand_dims(x, 0).sum(axis=-1),
    "np.broadcast_to(x)": lambda x: np.broadcast_to(x, (3, *np.shape(x))).max(axis=0),
    "np.flip(x)": np.flip,
    "np.roll(x, 1)": lambda x: np.roll(x, 1),
    "np.repeat(x, 2)": lambda x: np.repeat(x, 2),
    "np.stack([x, x + 1])": lambda x: np.stack([x, x + 1]),
    "np.stack([x, x], axis=-1)": lambda x: np.stack([x, x], axis=-1),
    "np.concatenate([x, x])": lambda x: np.concatenate([x, x]),
    "np.hstack([x, x])": lambda x: np.hstack([x, x]),
    "np.vstack([x, x])": lambda x: np.vstack([x, x]),
    "np.column_stack([x, x])": lambda x: np.column_stack([x, x]),
    "np.append(x, 1)": lambda x: np.append(x, 1),
    "np.diag(x)": np.diag,
    "np.trace(x)": np.trace,
    "np.full_like(x, 2)": lambda x: np.full_like(x, 2),
    "np.ones_like(x) + 1": lambda x: np.ones_like(x) + 1,
    "np.copy(x) + 1": lambda x: np.copy(x) + 1,
    # changes in place
    "y[y > 0] = 0": zeros_in_place_of_positives,
    "y += 1": changed_in_place,
    "y[0] = y[-1]": entry_assigned,
    "part[...] = 7": view_assigned,
    "zeros_like, y[0] =": first_assigned,
    # products
    "x @ x": lambda x: x @ x,
    "np.dot(x, x)": lambda x: np.dot(x, x),
    "np.inner(x, x)": lambda x: np.inner(x, x),
    "np.outer(x, x)": lambda x: np.outer(x, x),
    "np.add.outer(x, x)": lambda x: np.add.outer(x, x),
    "x @ x.T": lambda x: x @ x.T,
    "x @ x[0]": lambda x: x @ x[0],
    "x[:, 0] @ x": lambda x: x[:, 0] @ x,
    "x[0] @ (x @ x[0])": lambda x: x[0] @ (x @ x[0]),
    "np.matmul(x, x)": lambda x: np.matmul(x, x),
    "(x.T @ x).sum()": lambda x: (x.T @ x).sum(),
    "np.einsum": lambda x: np.einsum("i,i->", x, x),
    "np.linalg.norm(x)": np.linalg.norm,
    "np.linalg.norm(x, axis=-1)": lambda x: np.linalg.norm(x, axis=-1),
    "np.linalg.solve": lambda x: np.linalg.solve(x @ x.T + np.eye(len(x)), x[:, 0]),
    "np.linalg.inv": lambda x: np.linalg.inv(x @ x.T + np.eye(len(x))),
    "np.linalg.det": lambda x: np.linalg.det(x @ x.T),
    "np.cov(x)": np.cov,
    "np.cross(x, x + 1)": lambda x: np.cross(x, x + 1),
    # look-ups
    "np.isin(x, [1, 2, 3])": lambda x: np.isin(x, [1, 2, 3]),
    "np.searchsorted(table, x)": lambda x: np.searchsorted([0, 1, 2, 5], x),
    "np.searchsorted(np.sort(x), 1.5)": lambda x: np.searchsorted(np.sort(x), 1.5),
    "np.interp(x, table, table)": lambda x: np.interp(x, [0, 1, 3], [0, 2.5, 9]),
    "np.array_equal(x, x)": lambda x: np.array_equal(x, x),
}
BINARY = {
    "x + y": operator.add,
    "x - y": operator.sub,
    "x * y": operator.mul,
    "x / y": operator.truediv,
    "x // y": operator.floordiv,
    "x % y": operator.mod,
    "x**y": operator.pow,
    "x < y": operator.lt,
    "x <= y": operator.le,
    "x == y": operator.eq,
    "x != y": operator.ne,
    "x >= y": operator.ge,
    "x & y": operator.and_,
    "x | y": operator.or_,
    "x ^ y": operator.xor,
    "x << y": operator.lshift,
    "x >> y": operator.rshift,
    "divmod(x, y)": divmod,
    "round(x, y)": round,
    "min(x, y)": min,
    "max(x, y)": max,
    "y in x": lambda x, y: y in x,
    "np.minimum(x, y)": np.minimum,
    "np.maximum(x, y)": np.maximum,
    "np.minimum(x, y).sum()": lambda x, y: np.minimum(x, y).sum(),
    "np.where(x > 0, x, y)": lambda x, y: np.where(x > 0, x, y),
    "np.clip(x, 0, y)": lambda x, y: np.clip(x, 0, y),
    "np.power(x, y)": np.power,
    "np.arctan2(x, y)": np.arctan2,
    "np.hypot(x, y)": np.hypot,
    "np.logaddexp(x, y)": np.logaddexp,
    "np.copysign(x, y)": np.copysign,
    "np.fmod(x, y)": np.fmod,
    "np.heaviside(x, y)": np.heaviside,
    "np.ldexp(x, y)": np.ldexp,
    "np.gcd(x, y)": np.gcd,
    "np.isclose(x, y)": np.isclose,
    "np.allclose(x, y)": np.allclose,
    "np.isin(x, y)": np.isin,
    "(x == y).all()": lambda x, y: (x == y).all(),
    "((x - y) ** 2).sum()": lambda x, y: ((x - y) ** 2).sum(),
    "np.linalg.norm(x - y)": lambda x, y: np.linalg.norm(x - y),
    "x @ y": operator.matmul,
    "x.T @ y": lambda x, y: x.T @ y,
    "table @ x.T": lambda x, y: np.arange(1, x.shape[-1] + 1.0) @ x.T,
    "np.dot(x, y)": np.dot,
    "x.dot(y)": lambda x, y: x.dot(y),
    "np.inner(x, y)": np.inner,
    "np.outer(x, y)": np.outer,
    "np.kron(x, y)": np.kron,
    "np.einsum(x, y)": lambda x, y: np.einsum("ij,j->i", x, y),
    "x[y]": lambda x, y: x[y],
    "x[y, y]": lambda x, y: x[y, y],
    "x[:, y]": lambda x, y: x[:, y],
    "table[y]": lambda x, y: np.arange(12.0)[y],
    "x[y] =": looked_up_and_assigned,
    "x[:, y] =": column_assigned,
    "x += y": added_in_place,
    "np.take(x, y)": np.take,
    "np.take_along_axis": lambda x, y: np.take_along_axis(x, y % x.shape[-1], axis=-1),
    "np.searchsorted(np.sort(x), y)": lambda x, y: np.searchsorted(np.sort(x), y),
    "np.interp(x, y, y)": lambda x, y: np.interp(x, y, y),
    "np.stack([x, y])": lambda x, y: np.stack([x, y]),
    "np.concatenate([x, y])": lambda x, y: np.concatenate([x, y]),
    "np.full_like(x, y)": np.full_like,
    "np.roll(x, y)": np.roll,
    "np.repeat(x, y).sum()": lambda x, y: np.repeat(x, y).sum(),
}
