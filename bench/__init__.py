"""The benchmark suite: training beside other libraries, primitives beside their floors, claims.

`run` measures the sections of `on_cpu`, `on_gpu` and `claims` case by case and keeps a `report` of
them; the `contestants` train one problem on equal terms, each in a process of its own.
"""
