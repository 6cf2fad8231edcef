"""The vocabulary of costd: frozen types, frame schemas and ports.

Lives here: words every room shares. May not live here: I/O, clocks, SDKs, settings.
"""
