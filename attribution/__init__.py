"""Who answers for a charge: ownership rules, shared cost, reconciliation. Pure.

May not live here: files, databases, clocks. Frames come in, frames go out.
"""
