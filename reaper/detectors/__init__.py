"""Detectors of what is not needed, one file per kind of rule. Pure: frames come in, findings go out.

May not live here: how usage is read, what is done about a finding.
"""
