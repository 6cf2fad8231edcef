"""Price lists of providers: how they are fetched, and the pure parts that read them."""
