"""A sandbox: an invented shop whose inventory database can be generated anywhere, any time.

Only the generation of that database belongs here; reading it, judging it and reporting on it do
not.
"""
