"""The only callers of boto3: each module turns one service's shapes into ours at once, and our decisions into calls."""
