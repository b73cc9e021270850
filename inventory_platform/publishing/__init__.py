"""Marts going out to the people and programs that read them.

One module per kind of destination. Whether marts may go out is decided by the asset in
`assets/published.py`, from the checks; here is how they are written so that a reader sees
the old state or the new one, never half.
"""
