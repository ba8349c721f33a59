/* Heat maps in the browser: a signed grid with its scale, coloured here, so that opacity, sign and threshold
   never go to the server. The scale is the map's own; nothing is stretched. */
(() => {
  "use strict";
  const V = (window.viewboxViewer ??= {});
  if (V.HeatMap) return;
  const SIDE = 384;

  const decoded = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

  /* Bilinear, cell centres at (i + 0.5) / n. */
  const enlarged = (grid, w, h, width, height) => {
    const out = new Float32Array(width * height);
    for (let y = 0, i = 0; y < height; y++) {
      const gy = Math.min(h - 1, Math.max(0, ((y + 0.5) * h) / height - 0.5));
      const y0 = Math.floor(gy), y1 = Math.min(h - 1, y0 + 1), fy = gy - y0;
      for (let x = 0; x < width; x++, i++) {
        const gx = Math.min(w - 1, Math.max(0, ((x + 0.5) * w) / width - 0.5));
        const x0 = Math.floor(gx), x1 = Math.min(w - 1, x0 + 1), fx = gx - x0;
        const a = grid[y0 * w + x0] * (1 - fx) + grid[y0 * w + x1] * fx;
        const b = grid[y1 * w + x0] * (1 - fx) + grid[y1 * w + x1] * fx;
        out[i] = a * (1 - fy) + b * fy;
      }
    }
    return out;
  };

  V.HeatMap = class {
    /* layer: what interface/case_tab/viewer.py says of a map: int16 steps, `peak` at 32767, `scale` at full colour. */
    constructor(layer) {
      this.layer = layer;
      const bytes = decoded(layer.grid);
      const steps = new Int16Array(bytes.buffer, 0, bytes.length >> 1);
      this.width = layer.width;
      this.height = layer.height;
      this.grid = Float32Array.from(steps, (step) => (step * layer.peak) / 32767);
      this.sorted = Float32Array.from(this.grid, Math.abs).sort();
      this.tissue = Float32Array.from(decoded(layer.tissue), (gray) => gray / 255);
      this.lines = new Map();
    }

    /* The magnitude that `percent` of the film's area stays below. */
    percentile(percent) {
      if (percent <= 0) return 0;
      return this.sorted[Math.min(this.sorted.length - 1, Math.floor((percent / 100) * this.sorted.length))];
    }

    valueAt(u, v) {
      if (u < 0 || v < 0 || u >= 1 || v >= 1) return null;
      return this.grid[Math.floor(v * this.height) * this.width + Math.floor(u * this.width)];
    }

    /* A canvas of colour with alpha; kept until one of its choices changes. */
    picture({ sign, threshold }, scale) {
      const key = `${sign} ${threshold} ${scale}`;
      if (this.key === key) return this.canvas;
      const ratio = SIDE / Math.max(this.width, this.height);
      const width = Math.max(1, Math.round(this.width * ratio));
      const height = Math.max(1, Math.round(this.height * ratio));
      this.fine ??= enlarged(this.grid, this.width, this.height, width, height);
      this.thin ??= enlarged(this.tissue, this.width, this.height, width, height);
      this.canvas ??= Object.assign(document.createElement("canvas"), { width, height });
      const context = this.canvas.getContext("2d", { willReadFrequently: true });
      const image = context.createImageData(width, height), data = image.data;
      const least = this.percentile(threshold);
      const { supports, against } = this.layer;
      for (let i = 0, p = 0; i < this.fine.length; i++, p += 4) {
        const value = this.fine[i], size = Math.abs(value);
        if (!scale || size < least || (value > 0 ? sign === "negative" : sign === "positive")) continue;
        const colour = value > 0 ? supports : against;
        data[p] = colour[0];
        data[p + 1] = colour[1];
        data[p + 2] = colour[2];
        data[p + 3] = 255 * Math.min(1, size / scale) * (1 - this.layer.bright * this.thin[i]); // bone stays legible
      }
      context.putImageData(image, 0, 0);
      this.key = key;
      return this.canvas;
    }

    get faint() {
      return this.sorted[this.sorted.length - 1] < this.layer.outlined_from * this.layer.scale;
    }

    /* Around the strongest tenth of one sign, as a path in film shares (0 to 1); fewer where more is hidden, none
       on a faint map. */
    contour(which, threshold) {
      const at = this.faint ? 0 : this.percentile(Math.max(threshold, this.layer.outlined));
      const key = `${which} ${at}`;
      if (!this.lines.has(key)) {
        if (this.lines.size > 40) this.lines.clear();
        const grid = which === "positive" ? this.grid : this.grid.map((value) => -value);
        this.lines.set(key, at > 0 ? V.contour(grid, this.width, this.height, at) : new Path2D());
      }
      return this.lines.get(key);
    }
  };

  /* Marching squares, joined to lines so that dashes run on. Outside the grid counts as below the level. */
  V.contour = (grid, width, height, level) => {
    const value = (x, y) => (x < 0 || y < 0 || x >= width || y >= height ? level - 1e-9 : grid[y * width + x]);
    const next = new Map();
    const edge = (x, y, down, a, b) => {
      const share = b === a ? 0.5 : Math.min(1, Math.max(0, (level - a) / (b - a)));
      return { key: `${x},${y},${down}`, x: x + (down ? 0 : share), y: y + (down ? share : 0) };
    };
    const join = (from, to) => next.set(from.key, [...(next.get(from.key) ?? []), { from, to }]);
    for (let y = -1; y < height; y++) {
      for (let x = -1; x < width; x++) {
        const a = value(x, y), b = value(x + 1, y), c = value(x + 1, y + 1), d = value(x, y + 1);
        const kind = (a >= level) | ((b >= level) << 1) | ((c >= level) << 2) | ((d >= level) << 3);
        if (kind === 0 || kind === 15) continue;
        const top = () => edge(x, y, 0, a, b), right = () => edge(x + 1, y, 1, b, c);
        const bottom = () => edge(x, y + 1, 0, d, c), left = () => edge(x, y, 1, a, d);
        // each line keeps the higher side on its left
        const lines = {
          1: [[left, top]], 2: [[top, right]], 3: [[left, right]], 4: [[right, bottom]],
          5: [[left, top], [right, bottom]], 6: [[top, bottom]], 7: [[left, bottom]], 8: [[bottom, left]],
          9: [[bottom, top]], 10: [[top, right], [bottom, left]], 11: [[bottom, right]], 12: [[right, left]],
          13: [[right, top]], 14: [[top, left]],
        }[kind];
        for (const [from, to] of lines) join(from(), to());
      }
    }
    const path = new Path2D();
    const point = ({ x, y }) => [(x + 0.5) / width, (y + 0.5) / height];
    for (const key of next.keys()) {
      let step = next.get(key)?.shift();
      if (!step) continue;
      path.moveTo(...point(step.from));
      while (step) {
        path.lineTo(...point(step.to));
        step = next.get(step.to.key)?.shift();
      }
    }
    return path;
  };
})();
