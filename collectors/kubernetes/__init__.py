"""Reading a Kubernetes cluster: lists and watches, what is kept of objects, hours made of observations."""
