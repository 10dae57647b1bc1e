"""Training curves as SVG that takes its colours from the page."""

from collections.abc import Mapping, Sequence

import numpy as np

from embedding.atlas.report.markup import number, text

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 420, 220, 52, 12, 12, 30
Curve = Sequence[tuple[int, float]]


def draw_curves(name: str, curves: Mapping[str, Curve]) -> str:
    """Curves over epochs on common axes, with their legend; a curve of one epoch is a dot. Nothing where no curve has a point.

    Args:
        name: of what is drawn.
        curves: name: (epoch, finite value), by rising epoch.
    """
    curves = {of: points for of, points in curves.items() if points}
    if not curves:
        return ""
    epochs = [epoch for points in curves.values() for epoch, _ in points]
    ticks = scale([value for points in curves.values() for _, value in points])
    first, last, low, high = min(epochs), max(epochs), ticks[0], ticks[-1]

    def place(epoch: float, value: float) -> tuple[float, float]:
        across = (epoch - first) / (last - first) if last > first else 0.5
        return LEFT + across * (WIDTH - LEFT - RIGHT), TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    drawn = []
    for tick in ticks:
        _, y = place(first, tick)
        drawn.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        drawn.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:.4g}</text>')
    for epoch in sorted({first, (first + last) // 2, last}):
        x, _ = place(epoch, low)
        drawn.append(f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{epoch}</text>')
    for i, points in enumerate(curves.values()):
        places = [place(*point) for point in points]
        if len(places) > 1:
            drawn.append(f'<path class="curve c{i}" d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in places)}"/>')
        drawn.append(f'<circle class="end c{i}" cx="{places[-1][0]:.1f}" cy="{places[-1][1]:.1f}" r="3.5"/>')
    said = "; ".join(f"{of}: {number(points[0][1])} to {number(points[-1][1])}" for of, points in curves.items())
    legend = "".join(
        f'<span class="key"><i class="c{i}"></i>{text(of)} <b>{number(points[-1][1])}</b></span>'
        for i, (of, points) in enumerate(curves.items())
    )
    return (
        f'<figure class="curves"><figcaption><b>{text(name)}</b>{legend}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{text(f"{name} by epoch, {first} to {last}. {said}")}">'
        f"{''.join(drawn)}</svg></figure>"
    )


def scale(values: Sequence[float], most: int = 5) -> list[float]:
    """Round numbers, equally far apart, from below the least value to above the greatest; at least two."""
    low, high = min(values), max(values)
    span = max(high - low, abs(high) * 1e-3, 1e-9)
    rough = span / (most - 1)
    power = 10.0 ** np.floor(np.log10(rough))
    step = float(next(power * one for one in (1, 2, 2.5, 5, 10, 20) if power * one >= rough * (1 - 1e-9)))
    first, last = int(np.floor(low / step + 1e-9)), int(np.ceil(high / step - 1e-9))
    return [float(f"{step * i:.10g}") for i in range(first, max(last, first + 1) + 1)]
