"""Who used a cluster's machines, as weights: pure, physical amounts in, parts of a whole out."""
