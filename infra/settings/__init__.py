"""The settings in cdk.json, checked."""
