/* The bar and what its buttons open: the models, folds of the page, and on a phone the ways about it. */
(() => {
  "use strict";
  if (window.viewboxOpen) return;
  const find = (selector) => document.querySelector(selector);
  const root = document.documentElement;

  /* Refusals stay in sight just below the bar, whose height follows the language, the width and the zoom. */
  const sizes = new ResizeObserver(([banner]) =>
    root.style.setProperty("--vb-banner-height", `${Math.ceil(banner.target.getBoundingClientRect().height)}px`));
  /* A refusal stays where it was said, but stops covering what is scrolled to once there was time to read it. */
  const SECONDS = 10;
  let leaving = null;
  const said = new MutationObserver(() => {
    find("#vb-message").classList.remove("vb-said");
    clearTimeout(leaving);
    leaving = setTimeout(() => find("#vb-message").classList.add("vb-said"), 1000 * SECONDS);
  });
  const watch = () => {
    const banner = find("#vb-banner"), message = find("#vb-message");
    if (!banner || !message) return void setTimeout(watch, 50);
    sizes.observe(banner);
    said.observe(message, { childList: true, subtree: true, characterData: true });
  };
  watch();

  const calm = () => (matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth");
  const go = (element) => element?.scrollIntoView({ block: "start", behavior: calm() });

  /* Open a fold; unless the reader stays, go there, and let the keyboard go on from it. */
  window.viewboxOpen = (id, stay = false) => {
    const fold = document.getElementById(id), head = fold?.querySelector("button.label-wrap");
    if (!head) return;
    if (fold.querySelector("[data-testid=accordion-content]").style.display === "none") head.click();
    if (stay) return;
    head.focus({ preventScroll: true });
    go(fold);
  };

  const tab = (place) => [...document.querySelectorAll("#vb-tabs .tab-container:not(.visually-hidden) [role=tab]")].at(place)?.click();
  const WAYS = {
    film: () => { tab(0); go(find("#vb-figure")); },
    answer: () => { tab(0); go(find("#vb-answer")); },
    test: () => {  // what the reader has marked, else the map's strongest place
      tab(0);
      const marked = window.viewboxViewer.isMarked("vb-figure");
      if (marked) window.viewboxOpen("vb-prove");
      setTimeout(() => find(marked ? "#vb-prove-it" : "#vb-test")?.click(), 100);
    },
    quiz: () => { tab(1); window.scrollTo(0, 0); },
  };

  const opened = () => Boolean(find("#vb-info.vb-open"));
  const info = (open) => {
    find("#vb-info")?.classList.toggle("vb-open", open);
    find("[data-info]")?.setAttribute("aria-expanded", String(open));
  };
  document.addEventListener("click", (event) => {
    const { target } = event;
    if (!target.closest) return;
    const way = target.closest("[data-go]");
    if (way) WAYS[way.dataset.go]();
    if (target.closest(".vb-to-quiz") && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();  // a link, for a tab of its own; a new page would lose the reader's film
      WAYS.quiz();
    }
    if (target.closest("[data-info]")) info(!opened());
    else if (!target.closest("#vb-info, [role=listbox], [role=option]")) info(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !opened()) return;
    info(false);
    find("[data-info]")?.focus();
  });
})();
