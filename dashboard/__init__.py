"""What people look at: pages over the published marts.

A process and a container of its own. It imports nothing of the platform and opens no file but
published Parquet, so it works while pipelines run and cannot disturb them.
"""
