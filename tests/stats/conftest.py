"""Hypothesis without deadlines: the first example of a law pays for loading numpy and scipy."""

from hypothesis import settings

settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
