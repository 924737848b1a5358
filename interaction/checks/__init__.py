"""The conformance kit: plays a component and raises a `ConformanceError` that names what is broken.

Run it on your own components in a test:

    print(check_bundle(Bundle(task, user, assistant, max_rounds=20)))     # all of them
    check_task(task, user_action_space=..., assistant_action_space=...)
    check_agent(user, task)
    check_policy(policy, [(observation, state), ...])

It looks for:

- a method that changes its arguments, `self`, the global state of numpy's or Python's `random`, or what
  numpy does about errors (`np.seterr`);
- results that differ, for the same arguments and stream, when they are asked for again: in another order, at
  another time, in another environment, or in another process with another hash seed;
- values outside their space, and NaN, in any round of up to 1,000 episodes;
- a batch of 1, 7 or 1,000 that differs from single episodes in any bit, or in whether it raises;
- a `log_prob` whose probabilities do not sum to one, or that disagrees with the frequencies of `sample`; a
  task's `hidden_transition` or `outcome_log_prob` that disagrees with what its methods draw;
- a component that cannot be pickled, or comes back different, and a `dual()` that still holds a primary one.

Each check gives a `Report`, which says what was looked at, and what could not be. It takes a few seconds; a
component that is so slow that a check would take more than about 10 seconds is checked for less, and the
report says so.
"""

from interaction.checks.check import check_agent, check_bundle, check_policy, check_task
from interaction.checks.report import Report

__all__ = ["Report", "check_agent", "check_bundle", "check_policy", "check_task"]
