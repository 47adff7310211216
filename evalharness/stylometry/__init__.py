"""Style in numbers, without a model: what is counted in a reply, the profile of a voice, and the words for it.

`features` counts, `lexicon` holds the words that are counted, `profile` learns a voice and says how far a reply is from
it, `phrases` finds openings and pet phrases, `telling` puts differences into words. All of it is explained in
`docs/style.md`.
"""
