"""Signed numbers and the bars beside them, as HTML."""

from html import escape

from interface.html.render import signed


def signed_row(label: str, detail: str, value: float, scale: float, *more: str) -> str:
    """A row with a bar to the right (for) or the left (against) of a middle line.

    Args:
        scale: the value whose bar fills its half.
        more: texts of further columns.
    """
    width = 50 * min(abs(value) / scale, 1.0) if scale > 0 else 0.0
    side = "pos" if value >= 0 else "neg"
    cells = "".join(f'<td class="vb-number">{escape(text)}</td>' for text in more)
    return (
        f'<tr><th scope="row">{escape(label)} <small>{escape(detail)}</small></th>'
        f'<td class="vb-signed" aria-hidden="true"><i class="{side}" style="width:{width:.1f}%"></i></td>'
        f'<td class="vb-number">{signed(value)}</td>{cells}</tr>'
    )


def bars_table(title: str, aside: str, rows: list[str], head: tuple[str, ...] = (), kind: str = "") -> str:
    """Rows under a caption.

    Args:
        head: the columns' names, the column of bars left out; none for a table that needs no head.
        kind: an extra class.
    """
    names = "".join(
        f'<th scope="col">{escape(name)}</th>' + ("<td></td>" if i == 0 else "")
        for i, name in enumerate(head)
    )
    return (
        f'<table class="vb-bars {kind}"><caption><b>{escape(title)}</b> '
        f"<small>{escape(aside)}</small></caption>"
        + (f"<thead><tr>{names}</tr></thead>" if head else "")
        + f"<tbody>{''.join(rows)}</tbody></table>"
    )
