"""Training files: what a server would reject in one, what it costs to train on, and how it becomes another dialect."""
