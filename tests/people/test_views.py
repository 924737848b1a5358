"""Fragments, controls and views: what is written is escaped, and what is asked for lies in its space."""

import copy
import json
import pickle

import numpy as np
import pytest
from gymnasium.spaces import Tuple
from hypothesis import given
from hypothesis import strategies as st

from interaction import Bundle, State, spaces
from interaction.assistants.pointing import ConstantGain
from interaction.errors import ArgumentError, ContractError, UnknownNameError
from interaction.membership import membership
from interaction.people import Condition, DefaultView, Person, Study, button, choice, tag
from interaction.people.actions import read_action
from interaction.people.controls import controls
from interaction.people.fragments import Fragment
from interaction.people.views import table
from interaction.tasks.plane import PlaneView
from interaction.tasks.pointing import Pointing2DTask, PointingTask
from interaction.tasks.views import BanditView, CoordinationView, PointingView
from tests.people.reading import named, read

# Fragments.


@given(st.text(), st.text())
def test_whatever_a_text_is_it_is_read_as_that_text(content, attribute):
    (element,) = read(tag("p", content, title=attribute))
    assert element.text == content
    assert element.attributes["title"] == attribute
    assert "<" not in tag("p", content, title=attribute).html[2:-4]


def test_fragments_are_put_in_as_they_are_and_add_up():
    inner = tag("b", "x & y")
    assert tag("p", "1 < 2 ", inner, [inner, None]).html == (
        "<p>1 &lt; 2 <b>x &amp; y</b><b>x &amp; y</b></p>"
    )
    assert (inner + "<").html == "<b>x &amp; y</b>&lt;"


def test_attributes_that_are_none_or_false_are_left_out_and_true_has_no_value():
    assert (
        tag("input", required=True, disabled=False, data_x=None, for_="a").html == '<input required for="a">'
    )


@given(st.lists(st.integers(-(2**53), 2**53), min_size=1, max_size=3))
def test_a_button_carries_its_action_as_the_server_reads_it(entries):
    space = spaces.whole(-(2**53), 2**53, (len(entries),))
    (pressed,) = named(button("go", np.array(entries)), "button")
    assert read_action(space, json.loads(pressed.attributes["data-action"])).tolist() == entries


def test_a_button_shows_its_key_unless_that_is_its_label():
    assert "←" in button("Left", -1, "ArrowLeft").html
    assert "kbd" not in button("3", 3, "3").html
    assert "kbd" not in button(3, 3, "3").html


# Controls: the page puts what the controls say into the template, at their paths.

SPACES = {
    "discrete": spaces.Discrete(300, start=-5),
    "choice": spaces.Choice([-4, 2, 9]),
    "real": spaces.real(-1.5, 4.0),
    "open real": spaces.real(),
    "half open": spaces.real(0.25, np.inf, (2,)),
    "whole": spaces.whole(1, 6),
    "many whole": spaces.whole(-10_000, 10_000),
    "open whole": spaces.whole(0),
    "vector": spaces.real(-1.0, 1.0, (2, 3)),
    "single precision": spaces.Box(-0.7, 0.7, (2,), np.float32),
    "digits": spaces.MultiDiscrete([3, 20]),
    "bits": spaces.MultiBinary(4),
    "nested": spaces.Dict(
        step=spaces.real(-2.0, 2.0, (2,)),
        how=spaces.Dict(sure=spaces.Discrete(3), again=spaces.Box(0, 1, (), np.bool_)),
    ),
    "text": spaces.Dict(word=spaces.Text(5, min_length=1)),
}


def filled(form, value_of):
    """Fill in a form as the page does: `value_of` gives what an element says."""
    (element,) = named(form, "form")
    value = {"root": json.loads(element.attributes["data-template"])}
    done = set()
    for control in read(form):
        path = control.attributes.get("data-path")
        if path is None or path in done:  # of radios the first
            continue
        done.add(path)
        inner, *keys = json.loads(f"[{json.dumps('root')}]") + json.loads(path)
        place = value
        for key, following in zip([inner, *keys], [*keys, None], strict=True):
            if following is None:
                place[key] = value_of(control)
            else:
                place = place[key]
    return value["root"], len(done)


def as_it_stands(control):
    """Give what a control says that nobody touched; the least, where one has to type."""
    attributes = control.attributes
    if attributes["data-kind"] in ("flag", "bit"):
        return False if attributes["data-kind"] == "flag" else 0
    if control.name == "select":
        return None
    if attributes["data-kind"] == "text":
        return "a"
    return json.loads(attributes.get("value") or attributes.get("min") or "0")


@pytest.mark.parametrize("name", SPACES)
def test_what_a_form_gives_lies_in_the_space(name):
    space = SPACES[name]
    form = controls(space)
    template = json.loads(named(form, "form")[0].attributes["data-template"])
    membership(space).check(read_action(space, template), "template")
    if "select" not in form.html:
        action, number = filled(form, as_it_stands)
        membership(space).check(read_action(space, action), name)
        assert number == {"vector": 6, "bits": 4, "nested": 4, "half open": 2}.get(name, number)


@pytest.mark.parametrize("name", SPACES)
def test_each_control_has_a_label(name):
    form = controls(SPACES[name])
    labelled = {one.attributes.get("for") for one in named(form, "label")}
    wrapped = form.html.count("<label>") + form.html.count('<label class="tick">')
    inputs = [one for one in read(form) if "data-path" in one.attributes]
    assert sum(one.attributes.get("id") in labelled for one in inputs) + wrapped >= len(inputs)


def test_a_list_offers_all_values_and_no_other():
    offered = [int(one.attributes["value"]) for one in named(controls(spaces.MultiDiscrete([20])), "option")]
    assert offered == list(range(20))
    (typed,) = named(controls(spaces.Discrete(300, start=-5)), "input")
    assert (typed.attributes["min"], typed.attributes["max"]) == ("-5", "294")


def test_too_many_numbers_and_other_spaces_ask_for_a_view():
    with pytest.raises(ArgumentError, match="up to 64 numbers at once, got 100"):
        controls(spaces.real(shape=(10, 10)))
    pair = Tuple([spaces.Discrete(2)])
    with pytest.raises(ArgumentError, match="no control for Tuple"):
        controls(pair)


# The default view.


def test_the_default_view_has_a_button_for_each_action():
    drawn = DefaultView(spaces.Discrete(3, start=-1))(State(task_state=State(x=1)))
    pressed = named(drawn, "button")
    assert [json.loads(one.attributes["data-action"]) for one in pressed] == [-1, 0, 1]
    assert [one.attributes["data-key"] for one in pressed] == ["1", "2", "3"]
    assert (
        len(
            {one.attributes["data-key"] for one in named(DefaultView(spaces.Discrete(10))(State()), "button")}
        )
        == 10
    )


def test_more_actions_are_asked_for_by_a_control_unless_they_have_labels():
    assert named(DefaultView(spaces.Discrete(13))(State()), "select")
    assert len(named(DefaultView(spaces.Discrete(13), labels=list("abcdefghijklm"))(State()), "button")) == 13


def test_labels_keys_and_fields_are_those_that_are_given():
    view = DefaultView(
        spaces.Discrete(2), labels=["no", "yes"], keys=["n", "y"], fields={"task_state.x": "So <far>"}
    )
    drawn = view(State(task_state=State(x=0.123456, z=9)))
    assert [one.text for one in named(drawn, "th")] == ["So <far>"]
    assert [one.text for one in named(drawn, "td")] == ["0.1235"]
    assert [one.attributes["data-key"] for one in named(drawn, "button")] == ["n", "y"]


def test_wrong_labels_keys_and_fields_are_named():
    with pytest.raises(ArgumentError, match="labels: expected one for each of 2 actions"):
        DefaultView(spaces.Discrete(2), labels=["no"])
    with pytest.raises(ArgumentError, match="keys: expected one for each of 2 actions"):
        DefaultView(spaces.Discrete(2), keys="ny")
    with pytest.raises(UnknownNameError, match=r"Did you mean 'task_state\.x'"):
        DefaultView(spaces.Discrete(2), fields={"task_state.xx": "x"})(State(task_state=State(x=1)))


def test_the_table_says_no_action_before_one_was_taken():
    seen = State(round_index=0, turn_index=1, task_state=State(x=1), user_action=0, assistant_action=0)
    assert [one.text for one in named(table(seen), "th")] == ["x"]
    later = seen.replace(round_index=1)
    assert [one.text for one in named(table(later), "th")] == ["x", "user action", "assistant action"]
    answering = seen.replace(turn_index=3)
    assert [one.text for one in named(table(answering), "th")] == ["x", "user action"]


@pytest.mark.parametrize("value", [3, -2, 0.5, True, "a < b", np.array([1, 2]), np.eye(2), 10**14])
def test_every_kind_of_field_is_shown(value):
    (cell,) = named(table(State(task_state=State(x=value))), "td")
    assert cell.text
    if value is True:
        assert cell.text == "True"


# The views of the shipped tasks.

PLACE = State(position=4, targets=np.array([2, 7]), goal=1)
PLANE = State(
    position=np.array([0.25, 0.5]), positions=np.full((2, 2), 0.125), widths=np.array([0.1, 0.05]), goal=1
)
PULL = State(arm=1, outcome=0, provenance=1, user_in_control=0)
VIEWS = {
    "pointing": (PointingView(9), State(task_state=PLACE)),
    "plane": (PlaneView(), State(task_state=PLANE)),
    "coordination": (
        CoordinationView(),
        State(round_index=1, task_state=State(x=3), user_action=5, assistant_action=5),
    ),
    "bandit": (BanditView(3), State(task_state=PULL)),
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_a_value_that_draws_well_formed_pages_without_style_and_script(name):
    view, seen = VIEWS[name]
    drawn = view(seen)
    assert isinstance(drawn, Fragment)
    for element in read(drawn):
        assert element.name not in ("script", "style")
        assert not [one for one in element.attributes if one == "style" or one.startswith("on")]
    assert pickle.loads(pickle.dumps(view)) == view == copy.deepcopy(view)
    assert pickle.loads(pickle.dumps(view))(seen) == drawn


def test_pointing_says_where_cursor_and_goal_are_and_means_steps():
    drawn = PointingView(9)(State(task_state=PLACE))
    (svg,) = named(drawn, "svg")
    assert svg.attributes["aria-label"] == "The cursor is in cell 5 of 9. The goal is cell 8."
    pressed = named(drawn, "button")
    assert [json.loads(one.attributes["data-action"]) for one in pressed] == [-1, 0, 1]


def test_who_does_not_see_the_goal_is_not_shown_it():
    place = State(position=4, targets=np.array([2, 7]))
    gains = [("Half", 0.5, "1"), ("Double", 2.0, "2")]
    drawn = PointingView(9, gains, {"choose": "Which gain"})(State(task_state=place))
    (svg,) = named(drawn, "svg")
    assert svg.attributes["aria-label"].endswith("The targets are the cells 3, 8.")
    assert not named(drawn, "polygon", fill="#ffffff")  # the star
    plane = State(**{name: value for name, value in PLANE.items() if name != "goal"})
    assert "goal" not in PlaneView()(State(task_state=plane)).html


def test_what_the_plane_means_is_a_movement_of_the_task():
    (plane,) = [one for one in read(PlaneView()(State(task_state=PLANE))) if "data-plane" in one.attributes]
    means = json.loads(plane.attributes["data-plane"])
    space = spaces.Dict(step=spaces.real(-2.0, 2.0, (2,)), duration=spaces.real(0.0))
    assert read_action(space, means["template"]) == State(step=np.zeros(2), duration=0.0)
    assert means["origin"] == [0.25, 0.5]
    for path in (means["x"], means["y"], means["time"]):
        place = means["template"]
        for key in path:
            place = place[key]
        assert place == 0


@pytest.mark.parametrize(("outcome", "said"), [(1, "Machine B gave a coin."), (0, "Machine B gave nothing.")])
def test_a_bandit_says_what_the_last_pull_gave(outcome, said):
    assert said in BanditView(3)(State(task_state=PULL.replace(outcome=outcome))).html
    before = BanditView(3)(State(task_state=PULL.replace(arm=-1, outcome=-1))).html
    assert "gave" not in before


def test_coordination_says_what_both_chose_and_nothing_before_the_first_round():
    view, seen = VIEWS["coordination"]
    assert "You both chose 5." in view(seen).html
    assert "You chose 5, your partner chose 2." in view(seen.replace(assistant_action=2)).html
    assert "chose 5" not in view(seen.replace(round_index=0)).html
    assert "chose 5" not in view(State(round_index=1, task_state=State(x=3))).html


@pytest.mark.parametrize("view", [PointingView, PlaneView, CoordinationView, BanditView])
def test_a_view_says_other_words_where_it_is_given_some(view):
    name = next(iter(view.WORDS))
    said = view(words={name: "<ein Wort>"})
    assert said.words == view.WORDS | {name: "<ein Wort>"}
    with pytest.raises(UnknownNameError, match=f"{view.__name__}: words: there is no 'wordd'"):
        view(words={"wordd": ""})


@pytest.mark.parametrize(
    "make",
    [
        lambda: PointingView(1),
        lambda: PlaneView(0.0),
        lambda: CoordinationView(11),
        lambda: CoordinationView(goal=0),
        lambda: BanditView(1),
    ],
)
def test_a_view_of_nothing_is_refused(make):
    with pytest.raises(ArgumentError, match="expected"):
        make()


def test_a_view_that_gives_no_fragment_is_refused_when_the_study_is_made():
    person = Person(spaces.Discrete(3, start=-1), view=lambda seen: "<p>text</p>")
    bundle = Bundle(PointingTask(9, 2), person, ConstantGain(1.0))
    with pytest.raises(ContractError, match="Fragment"):
        Study("views", {"only": Condition(bundle)}, episodes=1)


@pytest.mark.parametrize(
    ("task", "space", "view"),
    [
        (PointingTask(9, 2), spaces.Discrete(3, start=-1), PointingView(9)),
        (
            Pointing2DTask(3),
            spaces.Dict(step=spaces.real(-2.0, 2.0, (2,)), duration=spaces.real(0.0)),
            PlaneView(),
        ),
    ],
)
def test_a_task_draws_with_its_view(task, space, view):
    bundle = Bundle(task, Person(space, view=view))
    game = bundle.reset(seed=0, go_to="user_acts")
    assert named(view(game.user_observation), "svg")
    assert named(choice([("a", 1, None)], "b"), "button")
