"""`steady rightsize`: compare what tasks reserve with what they use."""
