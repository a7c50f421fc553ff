"""The simulated account held against what others have measured on AWS, and against what AWS documents."""
