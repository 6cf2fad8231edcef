"""What costd remembers: charges in Delta tables, everything else in the state database.

May not live here: how a source is read, and what a charge means to anybody.
"""
