/* The class page: a teacher drops the students' result files, and the browser alone reads them. Nothing is sent
   or stored; the files are gone with the page. */
(() => {
  "use strict";
  const C = (window.viewboxClass ??= {});
  if (C.mount) return;
  const LARGEST = 2e6, DRAWS = 2000, LEAST = 5;
  const CONFIDENCES = ["first_confidence", "second_confidence"];
  const COLUMNS = ["quiz", "set", "number", "case_id", "truth", "first", "second", "model", ...CONFIDENCES];

  const make = (tag, attributes = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), attributes);
    node.append(...children);
    return node;
  };

  /* RFC 4180; a text that a spreadsheet would take for a formula has an apostrophe before it. */
  const cells = (text) => {
    const rows = [[""]];
    let quoted = false;
    for (let i = 0; i < text.length; i++) {
      const row = rows[rows.length - 1], sign = text[i];
      if (quoted) {
        if (sign !== '"') row[row.length - 1] += sign;
        else if (text[i + 1] === '"') row[row.length - 1] += text[++i];
        else quoted = false;
      } else if (sign === '"') quoted = true;
      else if (sign === ",") row.push("");
      else if (sign === "\n") rows.push([""]);
      else if (sign !== "\r") row[row.length - 1] += sign;
    }
    return rows.filter((row) => row.length > 1 || row[0]);
  };

  const fromCsv = (text) => {
    const [head, ...rows] = cells(text);
    return rows.map((row) => Object.fromEntries((head ?? []).map((name, i) => [name.trim(), row[i] ?? ""])));
  };

  const fromJson = (text) => {
    const record = JSON.parse(text);
    return record.rows.map((row) => ({ ...row, quiz: record.code, set: record.set }));
  };

  const share = (value) => value !== "" && value !== null && Number(value) >= 0 && Number(value) <= 1;

  /* The first column of a row that the quiz never writes; undefined for none. */
  const damaged = (row) => COLUMNS.find((name) => {
    if (CONFIDENCES.includes(name)) return !share(row[name]);
    if (name === "number") return !/^\d{1,3}$/.test(row.number);
    return typeof row[name] !== "string" || row[name].length > 300 || (!row[name] && name !== "model");
  });

  const result = async (file, refuse) => {
    if (file.size > LARGEST) return refuse("size");
    const text = (await file.text()).replace(/^\ufeff/, "");
    let rows;
    try {
      rows = /^\s*[[{]/.test(text) ? fromJson(text) : fromCsv(text);
    } catch (error) {
      return refuse("kind");
    }
    if (rows.length && !COLUMNS.every((name) => name in rows[0])) return refuse("kind");
    if (!rows.length) return refuse(/^\s*[[{]/.test(text) || text.startsWith("quiz,") ? "empty" : "kind");
    for (const [at, row] of rows.entries()) {
      const column = damaged(row);
      if (column) return refuse("row", { row: at + 1, column });
    }
    const name = file.name.replace(/\.(csv|json)$/i, "");
    return { name, set: rows[0].set, rows, same: JSON.stringify(rows.map((row) => COLUMNS.map((c) => String(row[c])))) };
  };

  /* The results of one set, and a sentence on each file that is left out. */
  const read = async (files, say) => {
    const found = [], told = [];
    for (const file of files) {
      const refuse = (why, values = {}) => void told.push(say(`bad_${why}`, { file: file.name, ...values }));
      const one = await result(file, refuse);
      const other = one && found.find((known) => known.same === one.same);
      if (other) refuse("twice", { other: other.file });
      else if (one) found.push({ ...one, file: file.name });
    }
    const sets = found.map((one) => one.set);
    const count = (set) => sets.filter((one) => one === set).length;
    const set = [...new Set(sets)].sort((a, b) => count(b) - count(a))[0];
    for (const one of found) if (one.set !== set) told.push(say("bad_set", { file: one.file, set: one.set, class: set }));
    return { set, told, students: found.filter((one) => one.set === set) };
  };

  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

  /* 95 % interval of the share of right answers: students are drawn anew, each with all their answers. */
  const interval = (students, right) => {
    if (students.length < LEAST) return null;
    let state = 20261130;
    const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
    const each = students.map((one) => [one.rows.filter(right).length, one.rows.length]);
    const drawn = Array.from({ length: DRAWS }, () => {
      const sample = each.map(() => each[Math.floor(next() * each.length)]);
      return sample.reduce((sum, [hits]) => sum + hits, 0) / sample.reduce((sum, [, all]) => sum + all, 0);
    }).sort((a, b) => a - b);
    return [drawn[Math.floor(0.025 * DRAWS)], drawn[Math.ceil(0.975 * DRAWS) - 1]];
  };

  const before = (row) => row.first === row.truth;
  const after = (row) => row.second === row.truth;
  const percent = (value) => `${Math.round(100 * value)} %`;

  const table = (caption, heads, rows) => make("div", { className: "vb-sheet-scroll", tabIndex: 0, role: "region", ariaLabel: caption },
    make("table", { className: "vb-quiz-table" }, make("caption", { textContent: caption }),
      make("thead", {}, make("tr", {}, ...heads.map((text) => make("th", { scope: "col", textContent: text })))),
      make("tbody", {}, ...rows.map(([head, ...others]) => make("tr", {},
        make("th", { scope: "row" }, head), ...others.map((cell) => make("td", {}, cell)))))));

  const summary = (students, say) => {
    const rows = students.flatMap((one) => one.rows);
    const right = (of) => {
      const value = percent(rows.filter(of).length / rows.length), between = interval(students, of);
      return between ? say("shares", { value, low: percent(between[0]), high: percent(between[1]) }) : value;
    };
    const sure = (column) => percent(mean(rows.map((row) => Number(row[column]))));
    return table(say("title"), [say("measure"), say("before"), say("after")], [
      [say("right"), right(before), right(after)], [say("sure"), ...CONFIDENCES.map(sure)]]);
  };

  /* Film by film: how many were right, and who switched. */
  const films = (students, say, word) => {
    const seen = new Map();
    for (const one of students) for (const row of one.rows) {
      if (!seen.has(row.case_id)) seen.set(row.case_id, []);
      seen.get(row.case_id).push({ ...row, who: one.name });
    }
    const cases = [...seen.values()].sort((a, b) => a[0].number - b[0].number);
    const who = (rows) => rows.map((row) => row.who).join(", ") || say("nobody");
    const heads = ["film", "truth", "model", "before", "after", "to_right", "to_wrong", "sure"];
    return table(say("films"), heads.map((key) => say(key)), cases.map((rows) => [
      `${rows[0].number}. ${rows[0].case_id}`, word(rows[0].truth), word(rows[0].model),
      ...[before, after].map((of) => say("answered", { right: rows.filter(of).length, n: rows.length })),
      ...[(row) => !before(row) && after(row), (row) => before(row) && !after(row)].map((of) => {
        const rest = rows.filter(of);
        return make("span", {}, make("b", { textContent: rest.length }), " ", make("small", { textContent: rest.length ? who(rest) : "" }));
      }),
      CONFIDENCES.map((column) => percent(mean(rows.map((row) => Number(row[column]))))).join(" → "),
    ]));
  };

  C.mount = (element, props, watch) => {
    const words = () => props.words[props.value?.language ?? "en"];
    const say = (key, values = {}) => (words()[`quiz.class_${key}`] ?? key)
      .replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
    const word = (answer) => answer.split("|").map((name) => words()[`class.${name}`] ?? name).join(", ") || "–";
    let files = [];
    const out = make("div", { className: "vb-class-results" });
    out.setAttribute("aria-live", "polite");

    const show = async () => {
      const { set, told, students } = await read(files, say);
      const bad = told.map((text) => make("p", { className: "vb-note", textContent: text }));
      const clear = make("button", { type: "button", className: "vb-class-clear", textContent: say("clear"), onclick: () => take([]) });
      out.replaceChildren(...(files.length ? [clear, ...bad] : []), ...(students.length ? [
        make("p", { role: "status", textContent: say("told", { n: students.length, set }) }),
        summary(students, say), make("p", { className: "vb-note", textContent: say("interval", { draws: DRAWS, least: LEAST }) }),
        films(students, say, word)] : []));
    };
    const take = (more) => {
      files = more.length ? [...files, ...more] : [];
      return show();
    };

    const draw = () => {
      const input = make("input", { type: "file", multiple: true, accept: ".csv,.json,text/csv,application/json" });
      input.onchange = () => void take([...input.files]).then(() => (input.value = ""));
      const drop = make("label", { className: "vb-drop vb-class-drop" }, input,
        make("b", { textContent: say("choose") }), make("small", { textContent: say("drop") }));
      drop.ondragover = (event) => event.preventDefault();
      drop.ondrop = (event) => {
        event.preventDefault();
        take([...event.dataTransfer.files]);
      };
      element.replaceChildren(make("h3", { textContent: say("title") }),
        make("p", { className: "vb-note", textContent: say("private") }), drop, out);
      show();
    };
    watch("value", draw);
    draw();
  };
})();
