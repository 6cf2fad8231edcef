"""Usage of a cluster from Prometheus and what speaks its query API: questions, answers, hours."""
