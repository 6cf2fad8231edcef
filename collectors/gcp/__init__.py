"""Google Cloud's bill: what its BigQuery exports hold, as FOCUS charges, and how it is asked for.

`access.py`, `bigquery.py` and `catalogue.py` are the shell: they alone speak to Google. The rest is pure.
"""
