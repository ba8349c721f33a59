/* How a reader looks at the film, as text for a link: window, zoom, place, and how the map is shown. */
(() => {
  "use strict";
  const V = (window.viewboxViewer ??= {});
  if (V.viewText) return;
  const SIGNS = ["both", "positive", "negative"], USUAL = "model,0,1,0,1,0.5,0.5,60,60,both,1";
  const short = (value) => String(Number(value.toFixed(4)));

  /* Empty for the usual view. */
  V.viewText = (viewer) => {
    const pane = viewer.panes[0], { view, window: { low, high } } = pane, { choice } = viewer;
    if (!viewer.entryOf(pane)?.film) return "";
    const numbers = [low, high, Number(pane.inverted), view.zoom, view.u, view.v].map(short);
    const map = [short(choice.opacity), short(choice.threshold), choice.sign, Number(choice.contours)];
    const text = [pane.preset, ...numbers, ...map].join(",");
    const usual = pane.preset === "model" && view.zoom === 1 ? [pane.preset, 0, 1, numbers[2], 1, 0.5, 0.5, ...map].join(",") : text;
    return usual === USUAL ? "" : usual;
  };

  /* What a link says; a part that means nothing is left as it is. */
  V.useView = (viewer, text) => {
    const [preset, low, high, inverted, zoom, u, v, opacity, threshold, sign, contours] = String(text).split(",");
    const pane = viewer.panes[0], film = viewer.entryOf(pane)?.film;
    const number = (given, least, most, otherwise) => {
      const value = given === undefined || given === "" ? NaN : Number(given);
      return Number.isFinite(value) ? Math.min(most, Math.max(least, value)) : otherwise;
    };
    if (!film) return;
    if (preset === "own") {
      const from = number(low, -50, 50, 0), to = number(high, -50, 50, 1);
      if (to > from) Object.assign(pane, { preset, window: { low: from, high: to } });
    } else if (Object.hasOwn(viewer.presets(film), preset)) viewer.usePreset(pane, preset);
    pane.inverted = inverted === "1";
    pane.view = { zoom: number(zoom, 1, 64, 1), u: number(u, 0, 1, 0.5), v: number(v, 0, 1, 0.5) };
    const { choice } = viewer;
    viewer.choice = { opacity: number(opacity, 0, 100, choice.opacity), threshold: number(threshold, 0, 95, choice.threshold),
      sign: SIGNS.includes(sign) ? sign : choice.sign, contours: contours === "1" };
    viewer.follow(pane);
  };

  /* The viewer of the page's own case, for links. */
  V.viewOf = (id) => {
    const viewer = document.getElementById(id)?.querySelector(".vv")?.parentElement.viewer;
    return viewer ? V.viewText(viewer) : "";
  };
})();
