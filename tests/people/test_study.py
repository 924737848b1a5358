"""A study is checked when it is made, says what it is made of, and gives all a condition and a seed."""

import json
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from interaction import Bundle, RandomPolicy, RuleObservationEngine, State, User, spaces
from interaction.assistants.coordination import CoordinatedAssistant
from interaction.errors import ArgumentError, ContractError, EpisodeError, SpaceError, UnknownNameError
from interaction.people import Condition, Page, Person, Questionnaire, Study, choice, tag
from interaction.people.assignment import Count, at_random, balanced
from interaction.people.specification import Specification
from interaction.random import EpisodeRandom
from interaction.tasks.coordination import CoordinatedTask
from interaction.users.bandit import RescorlaWagnerUser
from interaction.users.coordination import PseudoRandomUser
from tests.people.making import EASE, TASK, bandit, study, whole_study

PLAIN = Condition(bandit())


def test_studies_are_made_without_an_extra():
    code = "import interaction.people, sys; print(*sorted(m for m in sys.modules if '.' not in m))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    extras = {"starlette", "uvicorn", "websockets", "sqlalchemy", "pandas", "markdown_it", "matplotlib"}
    assert not extras & set(shown.stdout.split())


def test_a_person_waits():
    bundle = bandit()
    with pytest.raises(EpisodeError, match="it is a person's turn, and nobody is there: serve the study"):
        bundle.run(3, seed=0)
    bundle.reset(seed=0)
    with pytest.raises(EpisodeError, match="a person's turn"):
        bundle.step()
    assert bundle.step(user_action=1).game.task_state.arm == 1


def test_a_person_is_a_value_that_can_be_replaced_and_takes_either_seat():
    person = Person(spaces.Discrete(2))
    blind = person.replace(observation_engine=RuleObservationEngine("user", hide=["task_state.outcome"]))
    assert blind != person
    assert person == Person(spaces.Discrete(2))
    assert person.role == "user"
    assert Person(spaces.Discrete(2), role="assistant").role == "assistant"
    with pytest.raises(ContractError, match="expected an agent of the role 'user', got Person"):
        Bundle(TASK, Person(spaces.Discrete(2), role="assistant"))
    person = Person(spaces.Discrete(10), RuleObservationEngine("user"), role="assistant")
    with pytest.raises(ContractError, match="shows what the user sees"):
        Bundle(CoordinatedTask(), None, person)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (
            (2,),
            {},
            ContractError,
            r"as in Person\(spaces.Discrete\(2\)\), got 2",
        ),
        ((spaces.Discrete(2),), {"role": "asistant"}, UnknownNameError, "Did you mean 'assistant'"),
        ((spaces.Discrete(2),), {"view": "table"}, ContractError, "expected a function of the observation"),
        ((spaces.Discrete(2),), {"veiw": 1}, TypeError, "unexpected keyword argument 'veiw'"),
        (
            (spaces.Discrete(2),),
            {"observation_engine": 3},
            ContractError,
            "expected a ObservationEngine",
        ),
    ],
)
def test_what_a_person_cannot_be_made_of(arguments, options, error, message):
    with pytest.raises(error, match=message):
        Person(*arguments, **options)


def other_actions():
    return User(policy=RandomPolicy(spaces.Discrete(3)))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Condition(TASK), ArgumentError, "expected a Bundle, got MultiArmedBanditTask"),
        (
            lambda: Condition(bandit().replace(user=RescorlaWagnerUser())),
            ArgumentError,
            r"with one Person, as in bundle.replace\(user=Person\(action_space\)\), got Bundle\(task=Multi",
        ),
        (
            lambda: Condition(
                Bundle(
                    CoordinatedTask(),
                    Person(spaces.Discrete(10)),
                    Person(spaces.Discrete(10), role="assistant"),
                )
            ),
            ArgumentError,
            "got two persons",
        ),
        (lambda: Condition(bandit(), 3), ArgumentError, "expected the user, or a function of a stream"),
        (
            lambda: Condition(bandit(), other_actions()),
            ArgumentError,
            r"person's actions, Discrete\(2\), got",
        ),
        (
            lambda: Condition(bandit(), CoordinatedAssistant(PseudoRandomUser())),
            ContractError,
            "expected an agent of the role 'user'",
        ),
        (
            lambda: Condition(Bundle(TASK, Person(spaces.real(0.0, 1.0))), ahead=True),
            ArgumentError,
            "ahead=True: expected a finite space of up to 1,000 actions",
        ),
    ],
)
def test_what_a_condition_cannot_be_made_of(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"conditions": {}}, ArgumentError, "expected conditions by name, got {}"),
        ({"conditions": {"a": bandit()}}, ArgumentError, r'as in {"informed": Condition\(bundle\)}'),
        ({"conditions": [PLAIN]}, ArgumentError, "expected conditions by name"),
        ({"name": ""}, ArgumentError, "name: expected a text"),
        ({"episodes": 0}, ArgumentError, "Study 's': episodes: expected a whole number >= 1, got 0"),
        ({"episodes": True}, ArgumentError, "episodes"),
        ({"practice": -1}, ArgumentError, "practice: expected a whole number >= 0, got -1"),
        ({"break_every": 0}, ArgumentError, "break_every: expected a whole number >= 1"),
        ({"assignment": "balancd"}, UnknownNameError, "Did you mean 'balanced'"),
        ({"on_return": "resum"}, UnknownNameError, "Did you mean 'resume'"),
        ({"maximum_age": 0}, ArgumentError, "maximum_age: expected seconds > 0"),
        ({"seed": -1}, ArgumentError, "seed: expected a non-negative integer"),
        ({"completion": 3}, ArgumentError, "completion: expected a code or an address"),
        ({"language": "xx"}, ArgumentError, "it needs all words"),
        ({"texts": {"contine": "On"}}, UnknownNameError, "Did you mean 'continue'"),
        ({"pages": "consent.md"}, ArgumentError, "pages: expected a list, got 'consent.md'"),
        ({"pages": ["no such.md"]}, FileNotFoundError, r"no page 'no such.md' in .*; a text itself is Page"),
        ({"debriefing": Page("![It](no.png)")}, ArgumentError, "picture: expected a file .* got 'no.png'"),
        ({"pages": ["# Hello\nyou"]}, ArgumentError, r"write Page\("),
        ({"pages": [3]}, ArgumentError, "expected a Page or the name of a file"),
        ({"after": [EASE, EASE]}, ArgumentError, "two questions have the name 'ease'"),
        (
            {"after": [Questionnaire("condition", "Which?", 1, 7)]},
            ArgumentError,
            "has the name 'condition', as has a column",
        ),
        ({"after": EASE}, ArgumentError, "after: expected a list"),
        ({"episods": 3}, TypeError, "unexpected keyword argument 'episods'"),
    ],
)
def test_what_a_study_cannot_be_made_of(options, error, message):
    given = {"name": "s", "conditions": {"plain": PLAIN}, "episodes": 1} | options
    with pytest.raises(error, match=message):
        Study(**given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low": 7, "high": 1}, r"whole numbers low < high, got \(7, 1\)"),
        ({"low": 3, "high": 3}, "low < high"),
        ({"low": 1}, "low < high"),
        ({"low": 0.5, "high": 2}, "low < high"),
        ({"low": 1, "high": 3, "options": ["a", "b"]}, "expected a scale, or two or more different options"),
        ({"options": ["a"]}, "two or more different options"),
        ({"options": ["a", "a"]}, "two or more different options"),
        ({"options": "ab"}, "options: expected a list of texts"),
        ({"labels": ("no", "yes")}, "one for each end of a scale"),
        ({"low": 1, "high": 3, "labels": ("no", "maybe", "yes")}, "one for each end of a scale"),
    ],
)
def test_what_a_question_cannot_be_made_of(options, message):
    with pytest.raises(ArgumentError, match=message):
        Questionnaire("ease", "How easy?", **options)
    with pytest.raises(ArgumentError, match="Questionnaire: name: expected a text"):
        Questionnaire("", "How easy?", 1, 3)


@pytest.mark.parametrize(
    ("item", "right", "wrong"),
    [
        (EASE, [1, 7], [0, 8, 1.0, True, "3", None, ""]),
        (Questionnaire("hand", "Which?", options=["left", "right"]), ["left"], ["both", 1, None, ["left"]]),
        (Questionnaire("why", "Why?"), ["because", "x" * 2000], ["", None, 3, "x" * 2001]),
    ],
)
def test_answers_are_as_they_are_asked_for(item, right, wrong):
    assert [item.check(answer) for answer in right] == right
    for answer in wrong:
        with pytest.raises(ArgumentError, match=f"answer to '{item.name}': expected"):
            item.check(answer)
    optional = Questionnaire("why", "Why?", optional=True)
    assert optional.check("") is None


def test_a_condition_that_cannot_begin_or_be_drawn_is_told_at_once():
    class Broken(CoordinatedTask):
        def reset(self, rng):
            return State(x=12)

    with pytest.raises(SpaceError) as told:
        study({"one": Condition(Bundle(Broken(), Person(spaces.Discrete(10))))})
    assert "the condition 'one' was tried" in told.value.__notes__[0]

    def view(observation):
        return observation.task_state.outcom

    with pytest.raises(AttributeError) as told:
        study({"one": Condition(bandit(view=view))})
    assert "the condition 'one' was tried" in told.value.__notes__[0]
    with pytest.raises(ContractError, match="expected a Fragment"):
        study({"one": Condition(bandit(view=lambda observation: "<p>"))})


@pytest.mark.parametrize(
    ("drawn", "message"),
    [
        (choice([("left", 0, None), ("right", 2, None)], "Which?"), r"an action in Discrete\(2\) .* got '2'"),
        (tag("b", "left", data_action="left"), "got 'left'"),
        (tag("p", "Which?"), "expected an element that carries an action"),
    ],
)
def test_a_view_without_the_actions_of_the_person_is_told_at_once(drawn, message):
    with pytest.raises(ContractError, match=message):
        study({"one": Condition(bandit(view=lambda observation: drawn))})
    study({"one": Condition(bandit(view=lambda observation: choice([("left", 0, None)], "Which?")))})


def test_pages_lie_beside_the_module_that_makes_the_study(tmp_path):
    (tmp_path / "consent.md").write_text("# Consent", encoding="utf-8")
    (tmp_path / "studied.py").write_text(
        "from interaction.people import Study\n"
        "from tests.people.making import study as other\n"
        "made = Study('s', other().conditions, episodes=1, pages=['consent.md'])\n"
    )
    code = "import studied; print(studied.made.pages[0].text)"
    path = {"PYTHONPATH": ":".join([str(tmp_path), *sys.path])}
    shown = subprocess.run([sys.executable, "-c", code], env=path, capture_output=True, text=True, check=True)
    assert shown.stdout == "# Consent\n"
    assert study(pages=["consent.md"], folder=tmp_path).pages == (Page("# Consent", "consent.md"),)


def test_the_specification_is_plain_json_and_tells_all():
    made = whole_study()
    text = json.dumps(made.specification, allow_nan=False)
    for told in (
        "# Consent",
        "How easy was it?",
        "MultiArmedBanditTask",
        "C0FFEE",
        '"practice": 1',
        "Person",
    ):
        assert told in text
    assert "RescorlaWagnerUser" not in text  # who pilots a study is no part of it


@pytest.mark.parametrize(
    "change",
    [
        {"episodes": 4},
        {"practice": 2},
        {"seed": 8},
        {"pages": [Page("# Other")]},
        {"after": [Questionnaire("ease", "How easy?", 1, 7)]},
        {"texts": {"continue": "On"}},
        {"conditions": {"plain": Condition(bandit(max_rounds=5))}},
        {"conditions": {"plain": Condition(bandit().replace(task=type(TASK)([0.2, 0.81])))}},
        {"conditions": {"plain": PLAIN, "more": PLAIN}},
    ],
)
def test_another_study_has_another_fingerprint(change):
    given = {"conditions": {"plain": Condition(bandit())}, "episodes": 3}
    assert study(**given).fingerprint == study(**given).fingerprint
    assert study(**given).fingerprint != study(**given | change).fingerprint
    piloted = {"conditions": {"plain": Condition(bandit(), RescorlaWagnerUser())}}
    assert study(**given).fingerprint == study(**given | piloted).fingerprint


def test_changed_code_has_another_fingerprint_and_the_same_code_the_same(tmp_path):
    source = (
        "from interaction.tasks.bandit import MultiArmedBanditTask\n"
        "class Task(MultiArmedBanditTask):\n"
        "    def reset(self, rng):\n"
        "        return super().reset(rng)  # {}\n"
    )
    code = (
        "import laboratory; from interaction import Bundle, spaces\n"
        "from interaction.people import Condition, Person, Study\n"
        "bundle = Bundle(laboratory.Task([0.2, 0.8]), Person(spaces.Discrete(2)))\n"
        "print(Study('s', {'a': Condition(bundle)}, episodes=1).fingerprint)"
    )
    found = []
    for word in ("one", "one", "two"):
        (tmp_path / "laboratory.py").write_text(source.format(word))
        path = {"PYTHONPATH": ":".join([str(tmp_path), *sys.path]), "PYTHONDONTWRITEBYTECODE": "1"}
        shown = subprocess.run(
            [sys.executable, "-c", code], env=path, capture_output=True, text=True, check=True
        )
        found.append(shown.stdout)
    assert found[0] == found[1] != found[2]


def test_what_components_hold_is_described_whole():
    class Loop:
        pass

    loop = Loop()
    loop.itself, loop.numbers = loop, np.arange(1000)
    whole = Specification()
    described = whole.describe([loop, {"b": 1, "a": (1.0, None, np.inf)}, len, {3, 1, 2}, np.float64(2.5)])
    text = json.dumps(described, allow_nan=False)
    assert '{"see": 0}' in text
    assert "sha256" in text
    assert " at 0x" not in json.dumps(whole.describe([object(), lambda: 0, loop.__init__]))
    assert whole.describe(np.arange(1000)) != whole.describe(np.arange(1000) + 1)


def test_conditions_fill_up_evenly_and_dropped_sessions_are_made_good():
    made = study({"a": PLAIN, "b": PLAIN, "c": PLAIN})
    counts = dict.fromkeys(made.conditions, Count())
    dropped = {"b": 4}
    for participant in range(90):
        name = made.assign(participant, counts)
        if dropped.get(name, 0):
            dropped[name] -= 1
            counts[name] = counts[name]._replace(dropped=counts[name].dropped + 1)
        elif participant % 2:
            counts[name] = counts[name]._replace(finished=counts[name].finished + 1)
        else:
            counts[name] = counts[name]._replace(running=counts[name].running + 1)
        filled = [count.finished + count.running for count in counts.values()]
        assert max(filled) - min(filled) <= 1
    assert sum(count.dropped for count in counts.values()) == 4


def test_an_assignment_is_a_function_of_the_counts_and_the_participant():
    counts = {"a": Count(1), "b": Count(1), "c": Count(1)}
    draws = Counter(balanced(counts, EpisodeRandom(0, participant)) for participant in range(3000))
    assert all(abs(draws[name] - 1000) < 4 * np.sqrt(3000 * 2 / 9) for name in counts)  # four sd
    draws = Counter(
        at_random(counts | {"a": Count(100)}, EpisodeRandom(0, participant)) for participant in range(3000)
    )
    assert all(abs(draws[name] - 1000) < 4 * np.sqrt(3000 * 2 / 9) for name in counts)
    made = study({"a": PLAIN, "b": PLAIN}, assignment=lambda counts, rng: "b")
    assert made.assign(0) == "b"
    with pytest.raises(UnknownNameError, match="there is no 'c'"):
        study({"a": PLAIN}, assignment=lambda counts, rng: "c").assign(0)
    with pytest.raises(UnknownNameError, match=r"condition: there is no 'informd'\. Did you mean 'informed'"):
        study({"informed": PLAIN}).opening(0, "informd")


def test_each_participant_has_a_seed_of_their_own():
    made, other = study(), study(seed=8)
    seeds = {made.seed_of(participant) for participant in range(1000)}
    assert len(seeds | {other.seed_of(participant) for participant in range(1000)}) == 2000
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert made.opening(3)["seed"] == made.seed_of(3)
