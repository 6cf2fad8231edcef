"""Places that hold export files: a folder, an object store, and copies of what they hold.

Lives here: listing, opening and proving unchanged. May not live here: what the files mean.
"""
