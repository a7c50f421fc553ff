"""`steady rightsize`: compares task sizes with what the tasks use."""
