"""The bills of AWS: exports found and read, their lines as charges, Cost Explorer beside them.

Lives here: what is AWS's own in bills. May not live here: what the ledger does with charges.
"""
