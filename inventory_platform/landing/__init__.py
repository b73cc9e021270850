"""How rows are kept: contract, quarantine, raw zone, load log.

One path for every source: `loader.py` leads a load through its two halves, `staging.py`
(read and judge every row) and `settlement.py` (compare with what is known). `compiler.py`
turns the contract into SQL, `lake.py` holds the files and the one commit point, `views.py`
shows the committed state as SQL relations, `replay.py` gives rejected rows another chance.
No Dagster and no source system in here.
"""
