"""DynamoDB: tables, and the condition and update expressions as far as the suite writes them.

Each text is read once in a process, and gives a function. moto reads a text anew at each call, which took a fifth of a
simulated day; that both answer the same is tested (`tests/simulator/test_expressions.py`).

Source: DynamoDB Developer Guide, "Condition and filter expressions, operators, and functions", "Update expressions".
"""
