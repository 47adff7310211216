"""Training files: what a server would reject in one, what it costs to train on, and how it becomes another dialect.

And tuning jobs: a file goes up once, a job is created once, and whatever happens in between is taken up again.
"""
