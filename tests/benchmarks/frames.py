"""What a frame of the explorer costs the page itself, apart from what drawing costs the graphics card.

The page's own work is done by the renderer's main thread: input, script, style, layout, painting, and handing commands to the graphics
process. Chromium's trace tells that thread's processor time, in which waiting does not count. So that a computer without a graphics card
reaches the same number of frames as one with, the commands that draw are left out (`still`); all that leads to them is done.
"""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

CATEGORIES = ["toplevel", "disabled-by-default-devtools.timeline", "devtools.timeline", "blink.user_timing", "__metadata"]
SCRIPT = {
    "FunctionCall",
    "FireAnimationFrame",
    "EventDispatch",
    "TimerFire",
    "RunMicrotasks",
    "V8.GC_MC_BACKGROUND_MARKING",
    "EvaluateScript",
}
LAYOUT = {"UpdateLayoutTree", "Layout", "PrePaint", "Paint", "Layerize", "Commit", "UpdateLayer"}
# No point is drawn; what is read back for picking is empty.
STILL = """for (const name of ['drawArrays', 'drawElements', 'drawArraysInstanced', 'drawElementsInstanced', 'drawRangeElements'])
  WebGL2RenderingContext.prototype[name] = () => {};"""
# One input a frame, for so many frames: what a hand does that never rests.
MOVES = """({what, frames}) => new Promise(done => {
  const canvas = document.querySelector('#ui-map canvas');
  const [x, y] = [innerWidth * .55, innerHeight * .5];
  const at = (dx, dy, buttons) => ({ bubbles: true, cancelable: true, buttons, clientX: x + dx, clientY: y + dy, view: window });
  const pointer = (type, dx, dy, buttons) => (type === 'pointerdown' ? canvas : window)
    .dispatchEvent(new PointerEvent(type, { ...at(dx, dy, buttons), pointerId: 1, pointerType: 'mouse', isPrimary: true,
      button: type === 'pointermove' ? -1 : 0 }));
  const wheel = (deltaY) => canvas.dispatchEvent(new WheelEvent('wheel', { ...at(0, 0, 0), deltaY }));
  const does = {
    drag: i => pointer('pointermove', 150 * Math.sin(i / 12), 110 * Math.sin(i / 17), 1),
    zoom: i => wheel((i / 40 | 0) % 2 ? 12 : -12),
    hover: i => canvas.dispatchEvent(new MouseEvent('mousemove', at(150 * Math.sin(i / 12), 110 * Math.sin(i / 17), 0))),
    maps: i => { if (i % 50 === 1) document.querySelector(`input[value=${i % 100 === 1 ? 'UMAP' : 't-SNE'}]`).click(); },
  }[what];
  if (what === 'drag') pointer('pointerdown', 0, 0, 1);
  let i = 0;
  performance.mark('moves begin');
  const begun = performance.now();
  const step = () => {
    does(i++);
    if (i < frames) return requestAnimationFrame(step);
    performance.mark('moves end');
    if (what === 'drag') pointer('pointerup', 0, 0, 0);
    done(frames * 1000 / (performance.now() - begun));
  };
  requestAnimationFrame(step);
})"""


@dataclass(frozen=True)
class Frames:
    """What frames cost.

    Attributes:
        a_second: frames that were reached.
        script: milliseconds of the main thread's processor time a frame in JavaScript.
        layout: in style, layout and painting of the page's own elements.
        all: in all.
        longest: of the most expensive task.
    """

    a_second: float
    script: float
    layout: float
    all: float
    longest: float


def measure(browser: Any, page: Any, what: str, frames: int) -> Frames:
    """Move the map for so many frames; `what`: drag, zoom, hover, or maps (from one map to the other)."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "trace.json"
        browser.start_tracing(page=page, path=str(file), categories=CATEGORIES)
        reached = page.evaluate(MOVES, {"what": what, "frames": frames})
        browser.stop_tracing()
        return _read(json.loads(file.read_text(encoding="utf-8"))["traceEvents"], reached, frames)


def _read(events: list[dict[str, Any]], reached: float, frames: int) -> Frames:
    marks = {
        event["name"]: event
        for event in events
        if event["name"] in ("moves begin", "moves end") and event.get("cat") == "blink.user_timing"
    }
    begin, end = marks["moves begin"], marks["moves end"]
    main = [
        event
        for event in events
        if event.get("ph") == "X"
        and (event["pid"], event["tid"]) == (begin["pid"], begin["tid"])
        and begin["ts"] <= event["ts"] <= end["ts"]
    ]
    main.sort(key=lambda event: (event["ts"], -event["dur"]))
    spent: Counter[str] = Counter()
    tasks, outer_end = [], {"script": 0.0, "layout": 0.0, "all": 0.0}
    for event in main:
        name, cost = event["name"], event.get("tdur", 0) / 1000
        kind = "script" if name in SCRIPT else "layout" if name in LAYOUT else "all" if name.endswith("RunTask") else None
        # Within an event of its own kind it is counted already.
        if kind and event["ts"] >= outer_end[kind]:
            spent[kind] += cost
            outer_end[kind] = event["ts"] + event["dur"]
            if kind == "all":
                tasks.append(cost)
    return Frames(reached, spent["script"] / frames, spent["layout"] / frames, spent["all"] / frames, max(tasks, default=0.0))
