"""Pools' calls: one module a kind of pool behind one protocol (`kind.py`); `pools.py` finds the module of a pool."""
