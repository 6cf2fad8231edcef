"""Files in FOCUS form: which make a period, how they are read, and what their rows mean.

Lives here: layouts, readers, and the pure `to_focus`. May not live here: places (see
`collectors.stores`), settings, databases.
"""
