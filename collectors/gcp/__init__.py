"""Google Cloud's bill: what its BigQuery exports hold, as FOCUS charges, and how it is asked for.

`access.py` and `bigquery.py` are the shell, and so is `collectors/gcp_catalog.py`: they alone speak to
Google. The rest is pure.
"""
