"""A study with an assistant that holds a belief about the person."""

from interaction import Bundle
from interaction.assistants.pointing import InformationGain
from interaction.people import Condition, Page, Person, Study
from interaction.tasks.pointing import PointingTask
from interaction.users.pointing import CarefulPointer

task = PointingTask(gridsize=11, n_targets=3, mode="position")
user = CarefulPointer(error_rate=0.1)
person = Person(user.policy.action_space)
pointing = Study(
    "pointing",
    {"informed": Condition(Bundle(task, person, InformationGain(user, task), max_rounds=20), simulated=user)},
    episodes=2,
    pages=[Page("# Agree?")],
)
