"""The clairvoyant: the fewest dollars for which any policy could have run the work, had it known all of it before."""
