"""The arithmetic of a verdict: pure functions on numbers, explained in `docs/method.md`.

`paired` compares two models over the same cases and names the verdict, on top of `intervals`,
`signs` and `verdict`; `rates` measures one model, `preference` reads duels, `many` adjusts for many
checks, `unbounded` treats quantities without a range, and `planning` says how many cases it takes.

Importing any of them loads neither numpy nor scipy: the functions that need them import them.
"""
