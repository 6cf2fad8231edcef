"""The door: who may come in, what they may ask, and how an answer leaves.

Lives here: the Starlette app, its guards, who somebody is, the API. May not live here: what
pages look like (`daemon/pages`), sums (`daemon/report.py`), jobs.
"""
