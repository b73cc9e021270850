"""Adding a source: look at it where it lives, and write what the platform needs to load it.

`add_source` is the one entry. `address.py` finds the source and keeps its secrets out of
files, `dialect.py` finds out how text files are written, `sample.py` brings rows into the
engine, `types.py` and `dates.py` judge their values, `keys.py` says what identifies a row
and what it refers to, `names.py` names things, `draft.py` puts these together and `write.py`
writes the files. Everything here is a guess for a person to review; nothing is loaded, and
no other part of the platform guesses.
"""

from inventory_platform.onboarding.add import Added, add_source, draft_source

__all__ = ["Added", "add_source", "draft_source"]
