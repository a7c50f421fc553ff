"""How counts are written."""


def counted(count: float, noun: str, plural: str = "") -> str:
    """Return the count with its noun.

    >>> counted(1, "instance"), counted(1200, "instance"), counted(0.5, "hour"), counted(2, "family", "families")
    ('1 instance', '1,200 instances', '0.5 hours', '2 families')
    """
    return f"{count:,.10g} {noun if count == 1 else plural or f'{noun}s'}"
