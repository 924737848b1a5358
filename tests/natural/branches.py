"""Where episodes part: conditions, loops, early returns, `match`."""

from interaction import (
    Assistant,
    Bundle,
    DeterministicPolicy,
    InferenceEngine,
    InteractionTask,
    Policy,
    State,
    Transition,
    User,
    spaces,
)
from tests.natural.corpus import natural, random_assistant, random_user, real


class Crossing(InteractionTask):
    """A traffic light with three phases, and a road that the user may cross (1) or not (0)."""

    state_space = spaces.Dict({"phase": spaces.Discrete(3), "left": spaces.Discrete(6)})

    def reset(self, rng):
        return State(phase=rng.integers(0, 3), left=rng.integers(1, 6))

    def on_user_action(self, game, rng):
        state = game.task_state
        if game.user_action == 1:
            if state.phase == 0:
                return Transition(state, 10.0, True)
            elif state.phase == 1:
                return Transition(state, -5.0)
            else:
                return Transition(state, -20.0)
        left = state.left - 1
        if left > 0:
            return Transition(state.replace(left=left), -1.0)
        return Transition(State(phase=(state.phase + 1) % 3, left=3), -1.0)


class Pedestrian(Policy):
    action_space = spaces.Discrete(2)

    def sample(self, observation, state, rng):
        light = observation.task_state.phase
        if light == 0:
            return 1, 0.0
        if light == 1 and rng.random() < state.hurry:
            return 1, -0.5
        return 0, 0.0


class Hurried(User):
    def __init__(self):
        super().__init__(
            policy=Pedestrian(), state=State(hurry=0.5), state_space=spaces.Dict({"hurry": real(0, 1)})
        )

    def reset(self, rng):
        return State(hurry=rng.random())


@natural
def crossing():
    return Bundle(Crossing(), Hurried(), max_rounds=10)


class Doors(InteractionTask):
    """Two doors, of which the second opens with a key that lies behind the first one."""

    state_space = spaces.Dict({name: spaces.Discrete(2) for name in ("first", "second", "key", "dark")})

    def reset(self, rng):
        return State(first=False, second=False, key=False, dark=rng.random() < 0.5)

    def on_user_action(self, game, rng):
        state, action = game.task_state, game.user_action
        reward = 0.0
        if action == 0:
            if not state.first:
                state = state.replace(first=True)
            else:
                if not state.dark or rng.random() < 0.5:
                    state = state.replace(key=True)
                reward = -0.5
        elif action == 1 and (state.key or rng.random() < 0.05) and not state.second:
            state = state.replace(second=True)
            reward = 5.0
        elif action == 2:
            state = state.replace(dark=not state.dark)
        return Transition(state, reward, state.first and state.second)


@natural
def doors():
    return Bundle(Doors(), random_user(3), max_rounds=12)


class Room(InteractionTask):
    """A room that cools, and a heater; the person in it is content between 19 and 22 degrees."""

    state_space = spaces.Dict({"degrees": real(-50, 80), "heating": spaces.Discrete(2)})

    def reset(self, rng):
        return State(degrees=15.0 + 10.0 * rng.random(), heating=False)

    def on_user_action(self, game, rng):
        degrees = game.task_state.degrees
        reward = 1.0 if 19.0 <= degrees <= 22.0 else -1.0 if 17.0 < degrees < 24.0 else -3.0
        return Transition(game.task_state, reward)

    def on_assistant_action(self, game, rng):
        degrees = game.task_state.degrees
        heating = game.assistant_action == 1
        degrees = degrees + 1.5 if heating else degrees - 0.1 * (degrees - 5.0)
        return Transition(State(degrees=degrees, heating=heating), -0.2 if heating else 0.0)


class Thermostat(DeterministicPolicy):
    action_space = spaces.Discrete(2)

    def action(self, observation, state):
        room = observation.task_state
        if room.degrees < 19.5:
            return 1
        if room.degrees > 21.5:
            return 0
        return 1 if room.heating else 0


@natural
def room():
    return Bundle(Room(), random_user(2), Assistant(policy=Thermostat()), max_rounds=12)


class Collatz(InteractionTask):
    """Each of the user's numbers is followed down to one, as Collatz would."""

    state_space = spaces.Dict({"steps": spaces.Discrete(1000), "highest": spaces.Discrete(10_000)})

    def reset(self, rng):
        return State(steps=0, highest=0)

    def on_user_action(self, game, rng):
        n = game.user_action + 1
        steps, highest = 0, n
        while n != 1:
            if n % 2 == 0:
                n = n // 2
            else:
                n = 3 * n + 1
            steps += 1
            if n > highest:
                highest = n
        return Transition(State(steps=steps, highest=highest), -steps, steps > 17)


@natural
def collatz():
    return Bundle(Collatz(), random_user(20), max_rounds=6)


class Shop(InteractionTask):
    """Buys as many things as the money allows, the cheapest first, and stops at the first too dear."""

    state_space = spaces.Dict({"money": spaces.Discrete(40), "bought": spaces.Discrete(6)})
    prices = (2, 3, 3, 5, 9)

    def reset(self, rng):
        return State(money=rng.integers(0, 25), bought=0)

    def on_user_action(self, game, rng):
        money, bought = game.task_state.money, 0
        for price in self.prices:
            if price > money:
                break
            if price == 3 and game.user_action == 0:
                continue
            money -= price
            bought += 1
        else:
            money = min(money + 5, 39)
        return Transition(State(money=money, bought=bought), float(bought), money < 2)


@natural
def shop():
    return Bundle(Shop(), random_user(2), max_rounds=6)


class Machine(InteractionTask):
    """A vending machine, as a `match` statement."""

    state_space = spaces.Dict({"phase": spaces.Discrete(3), "coins": spaces.Discrete(8)})

    def reset(self, rng):
        return State(phase=0, coins=rng.integers(0, 4))

    def on_user_action(self, game, rng):
        state = game.task_state
        match state.phase:
            case 0 if game.user_action > 0:
                coins = min(state.coins + game.user_action, 7)
                return Transition(State(phase=1 if coins >= 4 else 0, coins=coins))
            case 1:
                return Transition(State(phase=2, coins=state.coins - 4), -4.0)
            case 2:
                return Transition(State(phase=0, coins=state.coins), 6.0, rng.random() < 0.3)
            case _:
                return Transition(state, -0.1)


@natural
def machine():
    return Bundle(Machine(), random_user(3), max_rounds=12)


class Janken(InteractionTask):
    """Rock, paper, scissors, up to three points."""

    state_space = spaces.Dict({"user": spaces.Discrete(4), "assistant": spaces.Discrete(4)})

    def reset(self, rng):
        return State(user=0, assistant=0)

    def on_user_action(self, game, rng):
        return Transition(game.task_state)

    def on_assistant_action(self, game, rng):
        state = game.task_state
        match (game.user_action, game.assistant_action):
            case (0, 2) | (1, 0) | (2, 1):
                state, reward = state.replace(user=state.user + 1), 1.0
            case (a, b) if a == b:
                reward = 0.0
            case _:
                state, reward = state.replace(assistant=state.assistant + 1), -1.0
        return Transition(state, reward, 3 in (state.user, state.assistant))


@natural
def janken():
    return Bundle(Janken(), random_user(3), random_assistant(3), max_rounds=10)


class Secret(InteractionTask):
    """A number to guess; the answer is -1 (too low), 0 or 1 (too high)."""

    state_space = spaces.Dict({"secret": spaces.Discrete(32), "answer": spaces.Discrete(4, start=-1)})

    def reset(self, rng):
        return State(secret=rng.integers(0, 32), answer=2)

    def on_user_action(self, game, rng):
        secret, guess = game.task_state.secret, game.user_action
        if guess < secret:
            answer = -1
        elif guess > secret:
            answer = 1
        else:
            answer = 0
        return Transition(game.task_state.replace(answer=answer), -1.0, answer == 0)


class Halving(InferenceEngine):
    def infer(self, observation, state, rng):
        answer, guess = observation.task_state.answer, observation.user_action
        if answer == -1:
            state = state.replace(low=guess + 1)
        elif answer == 1:
            state = state.replace(high=guess - 1)
        return state, 0.0


class Middle(DeterministicPolicy):
    action_space = spaces.Discrete(32)

    def action(self, observation, state):
        return (state.low + state.high) // 2


@natural
def guessing():
    user = User(
        policy=Middle(),
        inference_engine=Halving(),
        state=State(low=0, high=31),
        state_space=spaces.Dict({"low": spaces.Discrete(33), "high": spaces.Discrete(33, start=-1)}),
    )
    return Bundle(Secret(), user, max_rounds=10)


class Weather(InteractionTask):
    """Three days of weather; a picnic needs one dry day, a hike needs all three."""

    state_space = spaces.Dict({name: spaces.Discrete(6) for name in ("one", "two", "three")})

    def reset(self, rng):
        return State(one=rng.integers(0, 6), two=rng.integers(0, 6), three=rng.integers(0, 6))

    def on_user_action(self, game, rng):
        days = game.task_state
        rain = [days.one, days.two, days.three]
        picnic, hike = any(drops == 0 for drops in rain), all(drops < 3 for drops in rain)
        if game.user_action == 0 and picnic:
            reward = 2.0
        elif game.user_action == 1 and hike:
            reward = 4.0
        else:
            reward = -sum(rain) / 3
        return Transition(State(one=days.two, two=days.three, three=rng.integers(0, 6)), reward)


@natural
def weather():
    return Bundle(Weather(), random_user(2), max_rounds=8)


def common_divisor(a, b):
    if b == 0:
        return a
    return common_divisor(b, a % b)


class Gears(InteractionTask):
    """Two gears that meet again after a number of turns, by a function that calls itself."""

    state_space = spaces.Dict({"teeth": spaces.Discrete(30), "turns": spaces.Discrete(900)})

    def reset(self, rng):
        return State(teeth=rng.integers(6, 30), turns=0)

    def on_user_action(self, game, rng):
        teeth, other = game.task_state.teeth, game.user_action + 4
        turns = teeth * other // common_divisor(teeth, other)
        return Transition(game.task_state.replace(turns=turns), 1 / turns, turns == teeth)


@natural
def gears():
    return Bundle(Gears(), random_user(20), max_rounds=6)


class Ladder(InteractionTask):
    """A climb of as many tries as there is strength, each of which may slip."""

    state_space = spaces.Dict({"height": spaces.Discrete(100), "strength": spaces.Discrete(8)})

    def reset(self, rng):
        return State(height=0, strength=rng.integers(1, 4))

    def on_user_action(self, game, rng):
        state = game.task_state
        height = state.height
        for _ in range(state.strength):
            if rng.random() < 0.2:
                height = max(height - 1, 0)
                continue
            height += 1
            if height >= 6:
                return Transition(state.replace(height=height), 10.0, True)
        return Transition(State(height=height, strength=max(1, state.strength - 1)), -1.0)


@natural
def ladder():
    return Bundle(Ladder(), random_user(2), max_rounds=8)
