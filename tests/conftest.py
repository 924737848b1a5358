"""Settings for all tests."""

import os

from hypothesis import Phase, settings

# No deadlines, since the machines that run the tests are shared and noisy; and on a CI machine the same
# examples each time, so that a change fails for a reason of its own.
settings.register_profile("interaction", deadline=None, derandomize="CI" in os.environ)
settings.register_profile(
    "mutations", deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("interaction")
