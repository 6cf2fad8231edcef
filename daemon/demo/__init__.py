"""The demo company: a seeded simulation that bills like three real clouds and can be acted on.

Lives here: the company, its resources with their lives, its incidents, and the bills that
follow from them. May not live here: anything that reads a clock, a network or the ledger.
Everything is whole-number arithmetic on (seed, absolute time), so one seed gives the same
bill on every machine, today and in ten years.
"""
