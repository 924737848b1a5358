"""Arrays with two axes: boards, tables of the state, and matrices."""

import numpy as np

from interaction import (
    Assistant,
    Bundle,
    DeterministicPolicy,
    InferenceEngine,
    InteractionTask,
    RuleObservationEngine,
    State,
    Transition,
    spaces,
)
from tests.natural.corpus import natural, random_assistant, random_user, real, whole


class Garden(InteractionTask):
    """A grid of plants; who walks over it picks what is ripe and sees row and column."""

    state_space = spaces.Dict(
        {"grid": whole(0, 3, 4, 4), "i": spaces.Discrete(4), "j": spaces.Discrete(4), "ripe": whole(0, 16)}
    )

    def reset(self, rng):
        return State(grid=rng.integers(0, 4, (4, 4)), i=rng.integers(0, 4), j=rng.integers(0, 4), ripe=0)

    def on_user_action(self, game, rng):
        state, action = game.task_state, game.user_action
        i = (state.i + (action == 0) - (action == 1)) % 4
        j = (state.j + (action == 2) - (action == 3)) % 4
        grid = state.grid.copy()
        reward = -0.1
        if grid[i, j] == 3:
            reward = 1.0
            grid[i, j] = 0
        elif grid[i].sum() > grid[:, j].sum():
            grid[i, :] = np.minimum(grid[i, :] + 1, 3)
        else:
            grid[:, j] = np.minimum(grid[:, j] + 1, 3)
        ripe = (grid == 3).sum()
        return Transition(State(grid=grid, i=i, j=j, ripe=ripe), reward, ripe == 0)


@natural
def garden():
    return Bundle(Garden(), random_user(4), max_rounds=8)


class Noughts(InteractionTask):
    """Noughts (1, the user) and crosses (-1, the assistant) on nine cells, counted from 0."""

    state_space = spaces.Dict({"board": whole(-1, 1, 3, 3)})

    def reset(self, rng):
        return State(board=np.zeros((3, 3), int))

    def place(self, board, cell, mark):
        i, j = divmod(cell, 3)
        if board[i, j] != 0:
            return Transition(State(board=board), -1.0)
        board = board.copy()
        board[i, j] = mark
        rows, columns = board.sum(axis=1), board.sum(axis=0)
        won = (rows == 3 * mark).any() or (columns == 3 * mark).any()
        won = won or np.trace(board) == 3 * mark or np.diag(board[::-1]).sum() == 3 * mark
        return Transition(State(board=board), 10.0 * mark if won else 0.0, won or not (board == 0).any())

    def on_user_action(self, game, rng):
        return self.place(game.task_state.board, game.user_action, 1)

    def on_assistant_action(self, game, rng):
        return self.place(game.task_state.board, game.assistant_action, -1)


class FirstFree(DeterministicPolicy):
    """Takes the middle, or the first cell that is free."""

    action_space = spaces.Discrete(9)

    def action(self, observation, state):
        cells = observation.task_state.board.ravel()
        if cells[4] == 0:
            return 4
        return np.argmax(cells == 0)


@natural
def noughts():
    return Bundle(Noughts(), random_user(9), Assistant(policy=FirstFree()), max_rounds=9)


class Lights(InteractionTask):
    """Lights out: who presses a cell switches it and its neighbours, as far as there are any."""

    state_space = spaces.Dict({"lights": spaces.MultiBinary((3, 3))})

    def reset(self, rng):
        return State(lights=rng.random((3, 3)) < 0.4)

    def on_user_action(self, game, rng):
        lights = game.task_state.lights.copy()
        i, j = game.user_action // 3, game.user_action % 3
        lights[i, j] = ~lights[i, j]
        for di, dj in [(0, 1), (1, 0), (0, -1), (-1, 0)]:
            if 0 <= i + di < 3 and 0 <= j + dj < 3:
                lights[i + di, j + dj] = ~lights[i + di, j + dj]
        return Transition(State(lights=lights), -lights.mean(), not lights.any())


@natural
def lights():
    return Bundle(Lights(), random_user(9), max_rounds=8)


class Tracked(InteractionTask):
    """A target with a position and a speed, which the assistant sees with noise and keeps still."""

    state_space = spaces.Dict({"x": real(-1e9, 1e9, 2), "push": real(-9, 9)})
    dynamics = np.array([[1.0, 0.5], [-0.1, 0.95]])
    cost = np.array([[1.0, 0.2], [0.2, 0.5]])

    def reset(self, rng):
        return State(x=rng.normal(0.0, 1.0, (2,)), push=0.0)

    def on_user_action(self, game, rng):
        x = self.dynamics @ game.task_state.x + rng.normal(0.0, 0.1, (2,))
        return Transition(game.task_state.replace(x=x), -(x @ self.cost @ x), abs(x[0]) > 4.0)

    def on_assistant_action(self, game, rng):
        push = game.assistant_action
        x = game.task_state.x + np.array([0.0, 0.2]) * push
        return Transition(State(x=x, push=push), -0.01 * push**2)


class Kalman(InferenceEngine):
    """The filter of Kalman: mean and covariance of position and speed, from a noisy position."""

    see = np.array([1.0, 0.0])
    dynamics = Tracked.dynamics

    def infer(self, observation, state, rng):
        mean = self.dynamics @ state.mean
        covariance = self.dynamics @ state.covariance @ self.dynamics.T + 0.01 * np.eye(2)
        surprise = observation.task_state.x[0] - self.see @ mean
        variance = self.see @ covariance @ self.see + 0.25
        gain = covariance @ self.see / variance
        covariance = covariance - np.outer(gain, self.see @ covariance)
        return State(mean=mean + gain * surprise, covariance=covariance), -surprise * surprise


class Steady(DeterministicPolicy):
    action_space = real(-2, 2)

    def action(self, observation, state):
        return np.clip(-0.8 * state.mean[0] - 1.2 * state.mean[1], -2.0, 2.0)


@natural
def tracking():
    assistant = Assistant(
        policy=Steady(),
        observation_engine=RuleObservationEngine(
            "assistant", noise={"task_state.x": lambda x, rng: x + rng.normal(0.0, 0.5, (2,))}
        ),
        inference_engine=Kalman(),
        state=State(mean=np.zeros(2), covariance=np.eye(2)),
        state_space=spaces.Dict({"mean": real(-1e9, 1e9, 2), "covariance": real(-1e9, 1e9, 2, 2)}),
    )
    return Bundle(Tracked(), random_user(2), assistant, max_rounds=8)


class Chain(InteractionTask):
    """A chain of Markov whose table is drawn in each episode."""

    state_space = spaces.Dict({"table": real(0, 1, 3, 3), "at": spaces.Discrete(3), "stayed": whole(0, 99)})

    def reset(self, rng):
        table = 0.1 + rng.random((3, 3))
        table = table / table.sum(axis=1, keepdims=True)
        return State(table=table, at=rng.categorical(table[0]), stayed=0)

    def on_user_action(self, game, rng):
        state = game.task_state
        row = state.table[state.at]
        there = rng.categorical(row)
        stayed = state.stayed + 1 if there == state.at else 0
        return Transition(state.replace(at=there, stayed=stayed), np.log(row[there]), stayed == 3)


@natural
def chain():
    return Bundle(Chain(), random_user(2), max_rounds=10)


class Balance(InteractionTask):
    """Two equations in two unknowns, drawn in each episode; the user guesses by adding to a vector."""

    state_space = spaces.Dict({"a": real(-9, 9, 2, 2), "b": real(-9, 9, 2), "x": real(-99, 99, 2)})

    def reset(self, rng):
        return State(a=2.0 * np.eye(2) + rng.random((2, 2)), b=rng.random(2), x=np.zeros(2))

    def on_user_action(self, game, rng):
        state = game.task_state
        solution = np.linalg.solve(state.a, state.b)
        x = state.x + 0.5 * (solution - state.x) * (game.user_action + 1) / 3
        error = state.a @ x - state.b
        return Transition(state.replace(x=x), -np.dot(error, error), np.abs(error).max() < 0.05)


@natural
def balance():
    return Bundle(Balance(), random_user(3), max_rounds=6)


class Life(InteractionTask):
    """The game of life on a torus of four by four, in which the user brings one cell to life."""

    state_space = spaces.Dict({"cells": whole(0, 1, 4, 4), "flat": whole(0, 1, 16)})

    def reset(self, rng):
        cells = (rng.random((4, 4)) < 0.4).astype(int)
        return State(cells=cells, flat=cells.reshape(16))

    def on_user_action(self, game, rng):
        cells = game.task_state.cells.copy()
        cells[game.user_action // 4, game.user_action % 4] = 1
        near = sum(np.roll(cells, (i, j), axis=(0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)) - cells
        cells = ((near == 3) | ((cells == 1) & (near == 2))).astype(int)
        return Transition(State(cells=cells, flat=cells.T.reshape(-1)), cells.sum(), not cells.any())


@natural
def life():
    return Bundle(Life(), random_user(16), max_rounds=6)


class Marking(InteractionTask):
    """Cells that user and assistant claim, found in the arrays by loops and by conditions."""

    state_space = spaces.Dict({"owner": whole(0, 2, 2, 3), "lead": whole(-9, 9)})

    def reset(self, rng):
        return State(owner=np.zeros((2, 3), int), lead=0)

    def claim(self, owner, cell, mark):
        owner = owner.copy()
        row, column = np.unravel_index(cell, (2, 3))
        owner[row, column] = mark
        lead = 0
        for line in owner:
            for cell in line:
                lead += (cell == 1) - 1 * (cell == 2)
        full = all(cell > 0 for line in owner for cell in line)
        return Transition(State(owner=owner, lead=lead), lead * 1.0, full)

    def on_user_action(self, game, rng):
        return self.claim(game.task_state.owner, game.user_action, 1)

    def on_assistant_action(self, game, rng):
        if (game.task_state.owner == 1).sum() < 2:
            return Transition(game.task_state)
        return self.claim(game.task_state.owner, game.assistant_action, 2)


@natural
def marking():
    return Bundle(Marking(), random_user(6), random_assistant(6), max_rounds=8)
