"""`steady doctor`: list the settings of a cluster that do not fit the suite, each with the command that corrects it."""
