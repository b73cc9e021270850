"""Decisions in numbers: pure functions on frames, without files, warehouse or network.

Where the frames come from and where the results go is `assets/planning.py`.
"""
