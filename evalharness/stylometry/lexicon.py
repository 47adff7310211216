"""The English words that are counted, in lower case, with `'` as the only apostrophe."""

from __future__ import annotations

# fmt: off
_PRONOUNS = (
    "i", "you", "he", "she", "it", "we", "they", "that", "there", "who", "what", "where", "when", "how", "here", "this",
)

_AUXILIARIES = (
    "am", "are", "is", "was", "were", "be", "been", "being", "have", "has", "had", "do", "does", "did", "can", "could",
    "may", "might", "must", "shall", "should", "will", "would",
)

NEGATED = frozenset({
    "ain't", "aren't", "can't", "couldn't", "didn't", "doesn't", "don't", "hadn't", "hasn't", "haven't", "isn't",
    "mightn't", "mustn't", "needn't", "shan't", "shouldn't", "wasn't", "weren't", "won't", "wouldn't",
})

CONTRACTIONS = NEGATED | {f"{word}'{tail}" for word in _PRONOUNS for tail in ("m", "re", "s", "ve", "ll", "d")} | {
    "let's", "why's", "y'all", "could've", "should've", "would've", "might've", "must've",
}
"""Pronouns and auxiliaries drawn together; `Paris's` is a possessive, and none."""

FIRST = frozenset({
    "i", "me", "my", "mine", "myself", "we", "us", "our", "ours", "ourselves", "let's",
    *(f"{word}'{tail}" for word in ("i", "we") for tail in ("m", "re", "ve", "ll", "d")),
})

SECOND = frozenset({
    "you", "your", "yours", "yourself", "yourselves", "y'all", *(f"you'{tail}" for tail in ("re", "ve", "ll", "d")),
})

FUNCTION = frozenset({
    # articles, determiners and quantifiers
    "a", "an", "the", "this", "that", "these", "those", "each", "every", "either", "neither", "all", "any", "both",
    "few", "many", "more", "most", "much", "no", "none", "other", "another", "several", "some", "such", "own", "same",
    # pronouns
    "i", "me", "my", "mine", "myself", "we", "us", "our", "ours", "ourselves", "you", "your", "yours", "yourself",
    "yourselves", "he", "him", "his", "himself", "she", "her", "hers", "herself", "it", "its", "itself", "they",
    "them", "their", "theirs", "themselves", "one", "who", "whom", "whose", "which", "what", "whatever", "whoever",
    "anyone", "anybody", "anything", "everyone", "everybody", "everything", "someone", "somebody", "something",
    "nobody", "nothing", "there", "here",
    # prepositions
    "about", "above", "across", "after", "against", "along", "among", "around", "as", "at", "before", "behind",
    "below", "beneath", "beside", "besides", "between", "beyond", "by", "despite", "down", "during", "except", "for",
    "from", "in", "inside", "into", "like", "near", "of", "off", "on", "onto", "out", "outside", "over", "past", "per",
    "since", "through", "throughout", "to", "toward", "towards", "under", "until", "up", "upon", "via", "with",
    "within", "without",
    # conjunctions
    "and", "but", "or", "nor", "so", "yet", "if", "unless", "because", "although", "though", "while", "whereas",
    "whether", "than", "when", "whenever", "where", "wherever", "why", "how", "once", "then",
    # negation and particles
    "not", "too", "very", "just", "only", "also", "even", "still", "again", "ever", "never", "quite", "rather",
    *_AUXILIARIES, *CONTRACTIONS,
})
"""Words that say little by themselves; a writer chooses them without thinking. (The closed classes of English.)"""

HEDGES = frozenset({
    "apparently", "appear", "appeared", "appears", "approximately", "arguably", "could", "fairly", "generally",
    "largely", "likely", "may", "maybe", "might", "mostly", "often", "perhaps", "possibly", "presumably", "probably",
    "relatively", "roughly", "seem", "seemed", "seemingly", "seems", "sometimes", "somewhat", "suggest", "suggested",
    "suggests", "supposedly", "tend", "tends", "typically", "unlikely", "usually",
})
"""Words by which a writer claims less; a choice from Hyland's list (Metadiscourse, 2005)."""

HEDGING = (
    " as far as i know ", " i believe ", " i guess ", " i imagine ", " i suppose ", " i think ", " in my opinion ",
    " in my view ", " more or less ", " not sure ", " to some extent ",
)
"""The same in several words."""
# fmt: on
