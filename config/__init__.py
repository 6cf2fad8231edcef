"""The envelope of `costd.yaml`: its models, its loader and its defaults.

May not live here: what a plugin alone needs (each plugin owns its `Settings`), and
anything that opens a connection; only `load.py` reads files and the environment.
"""
