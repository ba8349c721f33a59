/* Sentences of a report point at films: a sentence outlines its places, a place marks its sentences. */
(() => {
  const SVG = 'http://www.w3.org/2000/svg', FIGURE = '#vb-figure';
  const sentences = (report) => [...report.querySelectorAll('.vb-points')];
  const told = (sentence) => (sentence.points ??= JSON.parse(sentence.dataset.points));
  const reportOf = (node) => node.closest?.('#vb-report-marked, .vb-case-report');
  const viewer = () => document.querySelector(`${FIGURE} .vv`)?.parentElement.viewer;
  const inCase = (report) => report.matches('.vb-case-report');
  const filmInViewer = () => Number(document.querySelector('#vb-films [data-film][aria-pressed="true"]')?.dataset.film ?? 0);
  let lit = [];

  /* The boxes of a report's sentences lie in its small films from the start, to be pointed at. */
  const lay = (report) => {
    if (report.laid === report.firstElementChild) return;
    report.laid = report.firstElementChild;
    for (const svg of report.querySelectorAll('.vb-pointed-films svg')) {
      const number = svg.closest('figure').dataset.film, boxes = new Map();
      for (const sentence of sentences(report))
        for (const box of told(sentence).boxes[number] ?? []) boxes.set(String(box), box);
      const area = ([left, top, right, bottom]) => (right - left) * (bottom - top);
      for (const [key, box] of [...boxes].sort(([, a], [, b]) => area(b) - area(a))) { // small ones above large ones
        const [left, top, right, bottom] = box.map((side) => 100 * side), rect = document.createElementNS(SVG, 'rect');
        const sides = { x: left, y: top, width: right - left, height: bottom - top, 'data-box': key };
        for (const [name, value] of Object.entries(sides)) rect.setAttribute(name, value);
        svg.append(rect);
      }
    }
  };

  const light = (report, chosen) => {
    for (const sentence of lit) sentence.classList.remove('vb-pointing');
    lit = chosen;
    for (const sentence of lit) sentence.classList.add('vb-pointing');
    const points = chosen.map(told), films = new Set(points.flatMap((one) => one.films));
    for (const figure of report.querySelectorAll('.vb-pointed-films figure')) {
      const number = figure.dataset.film, on = new Set(points.flatMap((one) => (one.boxes[number] ?? []).map(String)));
      figure.classList.toggle('vb-of', films.has(Number(number)));
      for (const rect of figure.querySelectorAll('rect')) {
        rect.classList.toggle('vb-of', on.has(rect.dataset.box));
        rect.classList.toggle('vb-denied', points.every((one) => one.denied));
      }
    }
    const strip = report.querySelector('.vb-pointed-films'), first = strip?.querySelector('figure.vb-of');
    if (first && (first.offsetLeft + first.offsetWidth > strip.scrollLeft + strip.clientWidth || first.offsetLeft < strip.scrollLeft))
      strip.scrollLeft = first.offsetLeft;
    if (!inCase(report)) return;
    for (const button of document.querySelectorAll('#vb-films [data-film]')) button.classList.toggle('vb-of', films.has(Number(button.dataset.film)));
    const number = filmInViewer();
    viewer()?.pointAt(points.flatMap((one) => (one.boxes[number] ?? []).map((box) => ({ box, denied: one.denied }))));
    if (films.size && !films.has(number)) viewer()?.frame.tell(chosen[0].title);
  };

  /* Of a report's sentences those whose box at a point of a film is the smallest. */
  const at = (report, number, u, v) => {
    const inside = sentences(report).flatMap((sentence) => (told(sentence).boxes[number] ?? [])
      .filter(([left, top, right, bottom]) => u >= left && u <= right && v >= top && v <= bottom)
      .map(([left, top, right, bottom]) => ({ sentence, area: (right - left) * (bottom - top) })));
    const least = Math.min(...inside.map((one) => one.area));
    return [...new Set(inside.filter((one) => one.area === least).map((one) => one.sentence))];
  };

  const open = () => document.querySelector('.vb-reveal[open] .vb-case-report .vb-points')?.closest('.vb-case-report');
  const point = ({ target, clientX, clientY, type }) => {
    const report = target.closest && reportOf(target);
    if (report) {
      lay(report);
      const sentence = target.closest('.vb-points'), rect = target.closest('rect[data-box]');
      if (rect) {
        const number = rect.closest('figure').dataset.film;
        light(report, sentences(report).filter((one) => (told(one).boxes[number] ?? []).map(String).includes(rect.dataset.box)));
      } else if (sentence ? lit[0] !== sentence || lit.length > 1 : lit.length) light(report, sentence ? [sentence] : []);
      return;
    }
    const shown = open();
    if (!shown || type === 'focusin') return;
    const stage = target.closest?.(`${FIGURE} .vv-stage`), pane = stage && viewer()?.panes.find((one) => one.stage === stage && !one.index);
    if (!pane || !viewer().place(pane)) return lit.length ? light(shown, []) : undefined;
    const box = stage.getBoundingClientRect();
    const { u, v } = viewer().point(pane, (clientX - box.left) / box.width, (clientY - box.top) / box.height);
    const found = at(shown, filmInViewer(), u, v);
    if (found.length !== lit.length || found.some((one) => !lit.includes(one))) light(shown, found);
  };
  let waiting = null;
  const soon = (event) => {
    const kept = { target: event.target, clientX: event.clientX, clientY: event.clientY, type: event.type };
    if (waiting === null) requestAnimationFrame(() => { const now = waiting; waiting = null; point(now); });
    waiting = kept;
  };
  for (const kind of ['pointermove', 'pointerdown', 'focusin']) document.addEventListener(kind, soon, { passive: true });

  /* The report of the case on screen is fetched when a reader opens what is known of it. */
  document.addEventListener('toggle', async (event) => {
    const report = event.target.matches?.('.vb-reveal[open]') && event.target.querySelector('.vb-case-report:empty');
    const address = report && viewer()?.props.value.report;
    if (!address) return;
    const url = new URL(address, document.baseURI);
    const answer = await fetch(url, { credentials: 'same-origin' }).catch(() => null); // open it again to try again
    if (answer?.ok) { report.innerHTML = await answer.text(); lay(report); }
  }, true);
})();
