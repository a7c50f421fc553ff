"""What cdk.json says, checked."""
