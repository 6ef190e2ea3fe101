"""Write numbers as people read them."""

NONE = "-"


def as_ms(value: float | None) -> str:
    """Return milliseconds at three digits, from a second on as seconds."""
    if value is None:
        return NONE
    if value >= 1000:
        return f"{value / 1000:.3g} s"
    return f"{value:.3g} ms" if value < 100 else f"{value:.0f} ms"


def as_usd(value: float) -> str:
    """Return an amount of US dollars: with cents, or at three digits where it is less than ten dollars."""
    return f"${value:,.2f}" if value >= 10 else f"${value:.3g}"
