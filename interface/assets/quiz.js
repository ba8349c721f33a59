/* The quiz in the browser: the focus follows the steps, and results are kept here and nowhere else. */
(() => {
  "use strict";
  const Q = (window.viewboxQuiz ??= {});
  if (Q.mount) return;
  const STORE = "viewbox-quiz", KEPT = 30;

  /* After a step: its heading is read out and seen. A refused step leaves the focus where it is. */
  let last = "";
  Q.focus = (tries = 10) => setTimeout(() => {
    const heading = [...document.querySelectorAll(".vb-quiz-step")].find((node) => node.offsetParent);
    const text = heading?.textContent ?? "";
    if (text === last) return void (tries > 0 && Q.focus(tries - 1));
    last = text;
    heading?.focus({ preventScroll: true });
    const top = heading ? heading.getBoundingClientRect().top : 0;
    const banner = document.getElementById("vb-banner")?.offsetHeight ?? 0;
    if (heading) window.scrollBy({ top: top - banner - 16 });
  }, 60);

  const make = (tag, attributes = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), attributes);
    node.append(...children);
    return node;
  };

  const sound = (record) => record && typeof record.key === "string" && typeof record.csv === "string";

  const read = () => {
    try {
      const found = JSON.parse(localStorage.getItem(STORE) ?? "[]");
      return Array.isArray(found) ? found.filter(sound) : [];
    } catch (error) {
      return []; // storage is closed to us, or holds something else
    }
  };

  const write = (records) => {
    try {
      localStorage.setItem(STORE, JSON.stringify(records.slice(-KEPT)));
      return true;
    } catch (error) {
      return false;
    }
  };

  const download = (record, kind) => {
    const { csv, ...rest } = record;
    const parts = kind === "csv" ? ["\ufeff", csv] : [JSON.stringify(rest)];
    const file = new Blob(parts, { type: kind === "csv" ? "text/csv;charset=utf-8" : "application/json" });
    const link = make("a", { href: URL.createObjectURL(file), download: `viewbox-quiz-${record.code}.${kind}` });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };

  /* Earlier results, newest first. */
  Q.mount = (element, props, watch, goOn) => {
    let refused = null; // the last record, where the browser lets nothing be kept
    const say = (key, values = {}) => (props.words[props.value?.language ?? "en"][key] ?? key)
      .replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

    /* Begun in this browser, not over, and not what this page is asking at the moment. */
    const open = (record) => !record.over && Array.isArray(record.rows) && record.key !== props.value?.record?.key;

    const onward = (record) => make("button", { type: "button", className: "vb-quiz-onward",
      textContent: say("quiz.continue", { number: record.done + 1 }),
      onclick: () => goOn({ ...record, csv: "" }) });

    const row = (record) => {
      const when = new Date(record.when).toLocaleString(props.value?.language ?? "en",
        { dateStyle: "medium", timeStyle: "short" });
      const text = say("quiz.kept_row", { ...record, when });
      const files = ["csv", "json"].map((kind) => make("button", { type: "button", textContent: say(`quiz.${kind}`),
        onclick: () => download(record, kind) }));
      const forget = make("button", { type: "button", textContent: say("quiz.forget"), onclick: () => {
        write(read().filter((other) => other.key !== record.key));
        draw();
      } });
      const buttons = [...(open(record) ? [onward(record)] : []), ...(record.done ? files : []), forget];
      for (const button of buttons) button.setAttribute("aria-label", `${button.textContent}: ${text}`);
      return make("li", {}, make("span", { textContent: text }), ...buttons);
    };

    const draw = () => {
      const records = refused ? [refused] : read().reverse();
      const note = refused ? [make("p", { className: "vb-note", textContent: say("quiz.full") })] : [];
      element.replaceChildren(...(records.length ? [
        make("h3", { textContent: say("quiz.kept") }), ...note,
        make("ul", { className: "vb-quiz-kept" }, ...records.map(row)),
      ] : []));
    };

    const take = () => {
      const record = props.value?.record;
      if (sound(record)) {
        const others = read().filter((other) => other.key !== record.key && other.done > 0);
        const dated = { ...record, when: new Date().toISOString() };
        refused = write([...others, dated]) ? null : dated;
      }
      draw();
    };
    watch("value", take);
    take();
  };

  document.addEventListener("click", async (event) => {
    const next = ":is(#vb-quiz-answers input, #vb-quiz-next, #vb-quiz-finish)";
    if (event.target.closest?.(".vb-quiz-skip")) [...document.querySelectorAll(next)].find((node) => node.offsetParent)?.focus();
    const button = event.target.closest?.(".vb-quiz-copy");
    if (!button) return;
    const link = button.parentElement.querySelector("a");
    try {
      await navigator.clipboard.writeText(link.href);
      button.textContent = button.dataset.done;
    } catch (error) {
      getSelection().selectAllChildren(link); // no clipboard here: the reader copies what is selected
      link.textContent = link.href;
    }
  });
})();
