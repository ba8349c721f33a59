/* Mouse, touch, pen and keys of the film viewer. Letters work only while the viewer has the focus. */
(() => {
  "use strict";
  const V = (window.viewboxViewer ??= {});
  if (V.listen) return;
  const SIGNS = ["both", "positive", "negative"], TOOLS = ["window", "pan", "mark", "erase"];

  /* Where a pointer is, in shares of the stage. */
  const share = (pane, event) => {
    const box = pane.stage.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  };

  V.listen = (viewer, pane) => {
    const { stage } = pane, held = new Map();
    let drawing = false;
    const marks = (event) => viewer.marking && (viewer.tool === "mark" || viewer.tool === "erase") && event.button !== 2;
    const leave = () => { if (drawing) viewer.marked(pane); drawing = false; };

    stage.addEventListener("pointerdown", (event) => {
      if (!viewer.place(pane) || event.target.closest("button, select, input")) return;
      stage.focus({ preventScroll: true });
      stage.setPointerCapture(event.pointerId);
      const from = share(pane, event);
      held.set(event.pointerId, { ...from, from, right: event.button === 2 || event.button === 1 });
      if (held.size > 1 && drawing) { // a second finger means zoom: take the stroke back
        viewer.brush(pane).undo();
        drawing = false;
      } else if (held.size === 1 && marks(event)) {
        const at = viewer.point(pane, ...Object.values(share(pane, event)));
        viewer.brush(pane).begin();
        drawing = true;
        viewer.stroke(pane, at, at);
      }
    });

    stage.addEventListener("pointermove", (event) => {
      const now = share(pane, event), last = held.get(event.pointerId);
      pane.pointer = event.pointerType === "touch" && !last ? null : now;
      if (!last) return viewer.frame.read(pane);
      const dx = now.x - last.x, dy = now.y - last.y;
      if (held.size === 2) {
        const [other] = [...held].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
        const box = stage.getBoundingClientRect();
        const far = (at) => Math.hypot((at.x - other.x) * box.width, (at.y - other.y) * box.height);
        viewer.pan(pane, dx / 2, dy / 2);
        viewer.zoom(pane, Math.max(far(now), 1) / Math.max(far(last), 1), (now.x + other.x) / 2, (now.y + other.y) / 2);
      } else if (drawing) {
        viewer.stroke(pane, viewer.point(pane, last.x, last.y), viewer.point(pane, now.x, now.y));
      } else if (viewer.tool === "window" && !last.right) viewer.turn(pane, dx, dy);
      else if (held.size === 1) viewer.pan(pane, dx, dy);
      held.set(event.pointerId, { ...last, ...now });
      viewer.frame.read(pane);
    });

    const release = (event) => {
      const last = held.get(event.pointerId);
      const still = last && Math.hypot(last.x - last.from.x, last.y - last.from.y) < 0.005;
      if (still && held.size === 1 && viewer.tool === "pan" && pane.view.zoom > 1 && event.type === "pointerup")
        viewer.pan(pane, 0.5 - last.x, 0.5 - last.y); // a press brings that place to the middle, without a drag
      held.delete(event.pointerId);
      if (!held.size) leave();
    };
    stage.addEventListener("pointerup", release);
    stage.addEventListener("pointercancel", release);
    stage.addEventListener("pointerleave", () => { pane.pointer = null; viewer.draw(); viewer.frame.read(pane); });
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.addEventListener("dblclick", () => { if (!marks({})) viewer.reset(pane); });
    stage.addEventListener("wheel", (event) => {
      const active = document.activeElement === stage || event.ctrlKey || viewer.frame.isFull();
      if (!active) return viewer.frame.tell(viewer.say("viewer.wheel")); // the page scrolls on
      event.preventDefault();
      const at = share(pane, event), lines = event.deltaMode === 1 ? 30 : 1;
      viewer.zoom(pane, Math.exp(-0.0022 * event.deltaY * lines), at.x, at.y);
    }, { passive: false });
  };

  /* --- keys */

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  const moveBrush = (viewer, pane, [right, down], drawing) => {
    const step = Math.max(0.01, viewer.radius / 2), from = (pane.cursor ??= { u: 0.5, v: 0.5 });
    const limited = (value) => Math.min(1, Math.max(0, value));
    pane.cursor = { u: limited(from.u + right * step), v: limited(from.v + down * step) };
    if (drawing) {
      viewer.brush(pane).begin();
      viewer.stroke(pane, from, pane.cursor);
      viewer.marked(pane);
    }
    viewer.draw();
  };

  const next = (list, value) => list[(list.indexOf(value) + 1) % list.length];

  /* What each key does; true for "handled". */
  const actions = (viewer, pane) => ({
    "+": () => viewer.zoom(pane, 1.25),
    "=": () => viewer.zoom(pane, 1.25),
    "-": () => viewer.zoom(pane, 0.8),
    i: () => viewer.invert(pane),
    r: () => viewer.reset(pane),
    0: () => viewer.reset(pane),
    f: () => viewer.frame.full(),
    s: () => viewer.setTwo(viewer.count === 1 || Boolean(viewer.sheet)),
    q: () => (viewer.sheet ? viewer.leaveSheet(true) : viewer.askSheet()),
    l: () => viewer.frame.link(!viewer.linked),
    "[": () => viewer.set("opacity", Math.max(0, viewer.choice.opacity - 5)),
    "]": () => viewer.set("opacity", Math.min(100, viewer.choice.opacity + 5)),
    ",": () => viewer.set("threshold", Math.max(0, viewer.choice.threshold - 5)),
    ".": () => viewer.set("threshold", Math.min(95, viewer.choice.threshold + 5)),
    g: () => viewer.set("sign", next(SIGNS, viewer.choice.sign)),
    c: () => viewer.set("contours", !viewer.choice.contours),
    v: () => viewer.useLayers(next(V.LAYERS, viewer.layers)),
    n: () => viewer.show(pane, next(viewer.entries.map((entry) => entry.id), pane.shown), false),
    w: () => viewer.useTool("window"),
    m: () => viewer.useTool("pan"),
    b: () => viewer.marking && viewer.useTool("mark"),
    e: () => viewer.marking && viewer.useTool("erase"),
    "<": () => viewer.frame.brushSize(viewer.radius / 1.25),
    ">": () => viewer.frame.brushSize(viewer.radius * 1.25),
    u: () => viewer.frame.undo(pane),
    Delete: () => viewer.frame.clear(pane),
    "?": () => viewer.frame.help(),
  });

  V.listenToKeys = (viewer) => {
    viewer.root.addEventListener("keydown", (event) => {
      const { target, key } = event;
      if (event.ctrlKey || event.metaKey || event.altKey || target.closest("select, input, dialog")) return;
      const pane = viewer.panes.find((p) => p.figure.contains(target)) ?? viewer.panes[0];
      if (!viewer.place(pane)) return;
      const onStage = target === pane.stage, marking = viewer.marking && TOOLS.indexOf(viewer.tool) > 1;
      const arrow = ARROWS[key], number = Number(key);
      if (arrow && onStage) {
        if (marking) moveBrush(viewer, pane, arrow, event.shiftKey);
        else if (event.shiftKey) viewer.turn(pane, 0.05 * arrow[0], 0.05 * arrow[1]);
        else viewer.pan(pane, -0.1 * arrow[0], -0.1 * arrow[1]);
      } else if ((key === " " || key === "Enter") && onStage && marking) moveBrush(viewer, pane, [0, 0], true);
      else if (number >= 1 && number <= 6) {
        const name = Object.keys(viewer.presets(viewer.entryOf(pane).film))[number - 1];
        if (!name) return;
        viewer.usePreset(pane, name);
      } else {
        const action = actions(viewer, pane)[key.length === 1 ? key.toLowerCase() : key];
        if (!action) return;
        action();
      }
      event.preventDefault();
      viewer.frame.read(pane);
      viewer.frame.announce(pane);
    });
  };

  /* The marked region, and where the brush is. */
  V.paintMarks = (viewer, pane, context, place) => {
    const brush = viewer.brush(pane);
    if (!brush) return;
    if (brush.count) {
      context.imageSmoothingEnabled = true;
      context.drawImage(brush.picture(), place.left, place.top, place.width, place.height);
      V.outline(context, place, brush.outline(), "#7a5c00", false);
    }
    if (viewer.tool !== "mark" && viewer.tool !== "erase") return;
    const pointed = pane.pointer && viewer.point(pane, pane.pointer.x, pane.pointer.y);
    const at = pointed ?? (document.activeElement === pane.stage ? (pane.cursor ??= { u: 0.5, v: 0.5 }) : null);
    if (!at) return;
    const size = viewer.radius * Math.max(place.width, place.height);
    const ring = new Path2D();
    ring.arc(place.left + at.u * place.width, place.top + at.v * place.height, size, 0, 2 * Math.PI);
    for (const [style, width] of [["#000", 4], [viewer.tool === "erase" ? "#fff" : "#ffe066", 2]]) {
      context.strokeStyle = style;
      context.lineWidth = width;
      context.stroke(ring);
    }
  };
})();
