"use strict";
// Numbers are stored as their type and their bytes in base 64.
const unpacked = (text) => {
  const kind = text.slice(0, 2), raw = atob(text.slice(3));
  const bytes = new Uint8Array(raw.length);
  for (let place = 0; place < raw.length; place++) bytes[place] = raw.charCodeAt(place);
  return new { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, f8: Float64Array }[kind](bytes.buffer);
};
const make = (tag, attributes = {}, text = "") => {
  const element = document.createElement(tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  if (text) element.textContent = text;
  return element;
};
const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const thousands = (number) => number.toLocaleString("en-US");
const rounded = (value) => {
  if (Number.isNaN(value)) return "";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(2) : String(Number(value.toPrecision(3)));
  return text.replace("-", "−");
};
const percent = (part, whole) => {
  if (!whole) return "–";
  const share = 100 * part / whole;
  return `${(share > 0 && share < 1) || (share > 99 && share < 100) ? share.toFixed(1) : Math.round(share)}%`;
};

// The curve of all estimates: filtered by choices, brushed, and one run at a time.
const explorer = (root, data, columns, changed) => {
  const box = root.querySelector(".explorer");
  if (!data.effect) return null;
  const words = data.words, level = data.effect.level, total = data.runs;
  const [coef, p, low, high] = ["coef", "p", "low", "high"].map((name) => unpacked(data.effect[name]));
  // runs that may be counted together; none where all may
  const parts = (data.parts || []).map((part) => ({ ...part, members: unpacked(part.members) }));
  const apart = (row) => parts.length > 0 && !parts.some((part) => !part.apart && part.members[row]);
  const canvas = box.querySelector("canvas"), shares = box.querySelector(".shares");
  const panel = box.querySelector(".choices"), detail = box.querySelector(".detail");
  const HEIGHT = 320, LEFT = 56, TOP = 12, BOTTOM = 26, MOST = 400;

  const sorted = Uint32Array.from({ length: total }, (_, row) => row).filter((row) => !Number.isNaN(coef[row]));
  sorted.sort((a, b) => coef[a] - coef[b] || a - b);
  let curve = sorted;      // rows on the curve, in order of their estimates
  let brush = null;        // first and last place on the curve that are chosen
  let cursor = -1;         // the row that is shown in detail
  let anchor = 0;

  // the axis covers all but one in a hundred at each end
  const quantile = (values, share) => values[Math.min(values.length - 1, Math.max(0, Math.round(share * (values.length - 1))))];
  const ends = (values) => Float64Array.from(sorted, (row) => values[row]).filter((value) => Number.isFinite(value)).sort();
  const outer = sorted.length > 50 ? 0.01 : 0;
  const [lows, highs] = [ends(low), ends(high)];
  let bottom = quantile(ends(coef), outer), top = quantile(ends(coef), 1 - outer);
  if (lows.length) {
    const wide = sorted.length > 50 ? 0.1 : 0;
    bottom = Math.min(bottom, quantile(lows, wide));
    top = Math.max(top, quantile(highs, 1 - wide));
  }
  bottom = Math.min(bottom, 0);
  top = Math.max(top, 0);
  const pad = 0.04 * (top - bottom || 1);
  bottom -= pad;
  top += pad;

  // ---- choices
  const choices = columns.filter((column) => column.key && column.values.length > 1 && column.values.length <= MOST)
    .map((column) => ({ column, codes: column.codes, open: null, parts: [] }));
  if (parts.length) panel.append(make("p", { class: "hint" }, words.one_part));
  choices.forEach((choice, place) => {
    const { column } = choice;
    const fold = make("details");
    fold.open = column.values.length <= 8;
    const title = make("summary", { title: column.key }, column.head);
    fold.append(title);
    const order = column.values.map((_, code) => code);
    order.forEach((code) => {
      const label = make("label", { title: column.lines[code] || column.key });
      const input = make("input", { type: "checkbox" });
      input.checked = true;
      const said = make("span", {}, column.values[code] || words.any);
      const bar = make("span", { class: "bar", "aria-hidden": "true" });
      const counts = make("small");
      label.append(input, said, bar, counts);
      fold.append(label);
      choice.parts[code] = { input, label, bar, counts };
      input.addEventListener("change", () => {
        const allowed = Uint8Array.from(choice.parts, (part) => (part.input.checked ? 1 : 0));
        choice.open = allowed.every(Boolean) ? null : allowed;
        brush = null;
        changed();
      });
    });
    if (column.values.length > 2) {
      const all = make("button", { type: "button", "aria-label": `${words.all_values}: ${column.head}` }, words.all_values);
      all.addEventListener("click", () => {
        const every = choice.parts.some((part) => !part.input.checked);
        choice.parts.forEach((part) => { part.input.checked = every; });
        choice.open = every ? null : new Uint8Array(choice.parts.length);
        brush = null;
        changed();
      });
      fold.append(all);
    }
    panel.append(fold);
  });

  // which rows pass, and the counts of each value among the rows that all other choices let pass
  const filter = (pass) => {
    const counts = choices.map((choice) => new Uint32Array(3 * choice.parts.length));
    const active = choices.map((choice, place) => (choice.open ? place : -1)).filter((place) => place >= 0);
    const out = new Uint8Array(total);
    const kept = new Uint32Array(sorted.length);
    let many = 0;
    for (let row = 0; row < total; row++) {
      if (!pass[row]) continue;
      let failing = -1, failures = 0;
      for (const place of active) {
        if (!choices[place].open[choices[place].codes[row]]) {
          failing = place;
          if (++failures > 1) break;
        }
      }
      if (failures > 1) continue;
      if (!failures) out[row] = 1;
      if (Number.isNaN(coef[row])) continue;
      const negative = coef[row] < 0, significant = p[row] <= level;
      const add = (place) => {
        const start = 3 * choices[place].codes[row], own = counts[place];
        own[start]++;
        if (negative) own[start + 1]++;
        if (significant) own[start + 2]++;
      };
      if (failures) add(failing);
      else for (let place = 0; place < choices.length; place++) add(place);
    }
    for (const row of sorted) if (out[row]) kept[many++] = row;
    curve = kept.subarray(0, many);
    const together = !parts.length || parts.some((part) => curve.every((row) => part.members[row]));
    if (brush) brush = many ? [Math.min(brush[0], many - 1), Math.min(brush[1], many - 1)] : null;
    choices.forEach((choice, place) => choice.parts.forEach((part, code) => {
      const [n, negative, significant] = counts[place].subarray(3 * code, 3 * code + 3);
      if (!together) {
        part.counts.textContent = thousands(n);
        part.counts.title = words.one_part;
        part.bar.style.setProperty("--share", 0);
        part.label.classList.toggle("empty", !n);
        return;
      }
      part.counts.textContent = n ? `${percent(negative, n)} − · ${percent(significant, n)} ✱ · ${thousands(n)}` : "0";
      part.counts.title = filled(words.share_of, {
        n: thousands(n), negative: percent(negative, n), significant: percent(significant, n) });
      part.bar.style.setProperty("--share", n ? negative / n : 0);
      part.label.classList.toggle("empty", !n);
    }));
    listed = brush;
    if (brush) {
      out.fill(0);
      for (let place = brush[0]; place <= brush[1]; place++) out[curve[place]] = 1;
    }
    summary();
    draw();
    return out;
  };

  const fact = (head, text, title = "") => {
    const part = make("div", title ? { title } : {});
    part.append(make("dt", {}, head), make("dd", {}, text));
    return part;
  };
  const counted = (rows) => {
    const n = rows.length;
    let negative = 0, positive = 0, low_down = 0, low_up = 0;
    for (const row of rows) {
      const significant = p[row] <= level;
      if (coef[row] < 0) { negative++; if (significant) low_down++; }
      if (coef[row] > 0) { positive++; if (significant) low_up++; }
    }
    const middle = n ? (coef[rows[(n - 1) >> 1]] + coef[rows[n >> 1]]) / 2 : NaN;
    return {
      negative: `${percent(negative, n)} (${percent(low_down, n)} ${words.significant})`,
      positive: `${percent(positive, n)} (${percent(low_up, n)} ${words.significant})`,
      median: rounded(middle),
    };
  };
  const summary = () => {
    const chosen = brush ? curve.subarray(brush[0], brush[1] + 1) : curve, n = chosen.length;
    const facts = [fact(words.estimates, n === sorted.length ? thousands(n)
      : filled(words.selected, { n: thousands(n), total: thousands(sorted.length) }))];
    const own = parts.find((part) => chosen.every((row) => part.members[row]));
    if (!parts.length || own) {
      const said = counted(chosen);
      if (own) facts.push(fact(own.apart ? words.apart : words.part, own.name));
      facts.push(fact(words.negative, said.negative), fact(words.positive, said.positive), fact(words.median, said.median));
    } else {
      parts.forEach((part) => {
        const rows = chosen.filter((row) => part.members[row]);
        if (!rows.length) return;
        const said = counted(rows), name = part.apart ? `${part.name} (${words.apart})` : part.name;
        facts.push(fact(name, [thousands(rows.length), `${words.negative} ${said.negative}`,
          `${words.positive} ${said.positive}`, `${words.median} ${said.median}`].join(" · ")));
      });
    }
    shares.replaceChildren(...facts);
  };

  // ---- the picture
  const context = canvas.getContext("2d");
  let width = 0;
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (top - value) / (top - bottom);
  const x = (place) => LEFT + (width - LEFT - 8) * (place + 0.5) / Math.max(curve.length, 1);
  const clipped = (value) => Math.min(Math.max(value, bottom), top);
  const ticks = () => {
    const rough = (top - bottom) / 5, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough);
    const out = [];
    for (let one = Math.ceil(bottom / step); one * step <= top; one++) out.push(one * step);
    return out;
  };
  // sizes and colours are read when they may have changed: reading them makes the browser lay the page out
  let scale = 1, font = "", colours = [];
  const measure = () => {
    width = Math.max(canvas.clientWidth, 200);
    scale = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(HEIGHT * scale);
    const style = getComputedStyle(root);
    font = `12px ${style.fontFamily}`;
    colours = ["--ink", "--soft", "--line", "--faint", "--strong", "--band"]
      .map((name) => style.getPropertyValue(name).trim());
    draw();
  };
  const draw = () => {
    if (!width) return;
    const [ink, soft, line, light, accent, band] = colours;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, HEIGHT);
    context.font = font;
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const tick of ticks()) {
      context.fillStyle = line;
      context.fillRect(LEFT, y(tick), width - LEFT - 8, tick === 0 ? 0 : 1);
      context.fillStyle = soft;
      context.fillText(rounded(tick) || "0", LEFT - 8, y(tick));
    }
    const room = width - LEFT - 8, n = curve.length;
    if (brush) {
      context.fillStyle = band;
      context.fillRect(x(brush[0] - 0.5), TOP, Math.max(x(brush[1] + 0.5) - x(brush[0] - 0.5), 2), HEIGHT - TOP - BOTTOM);
    }
    // the whole curve behind the one that is left
    if (n && n < sorted.length) {
      context.strokeStyle = line;
      context.lineWidth = 2;
      context.beginPath();
      for (let pixel = 0; pixel <= room; pixel += 2) {
        const row = sorted[Math.min(sorted.length - 1, Math.floor(pixel / room * sorted.length))];
        context.lineTo(LEFT + pixel, y(clipped(coef[row])));
      }
      context.stroke();
    }
    const bins = n > room / 2 ? Math.floor(room / 2) : n;
    const wide = bins ? room / bins : 0;
    const middles = [];
    for (let bin = 0; bin < bins; bin++) {
      const first = Math.floor(bin * n / bins), last = Math.max(first + 1, Math.floor((bin + 1) * n / bins));
      let significant = 0;
      for (let place = first; place < last; place++) if (p[curve[place]] <= level) significant++;
      const left = LEFT + bin * wide, share = significant / (last - first);
      // of many runs at a place, up to a dozen: the middle ones of their bounds
      const some = [];
      for (let place = first; place < last; place += Math.max(1, (last - first) / 12 | 0)) {
        if (Number.isFinite(low[curve[place]]) && Number.isFinite(high[curve[place]])) some.push(curve[place]);
      }
      if (some.length) {
        const middle = (values) => Array.from(some, (row) => values[row]).sort((a, b) => a - b)[some.length >> 1];
        const upper = y(clipped(middle(high))), lower = y(clipped(middle(low)));
        context.fillStyle = light;
        const thick = Math.min(Math.max(wide * 0.8, 1), 12);
        context.fillRect(left + (wide - thick) / 2, upper, thick, Math.max(lower - upper, 1));
      }
      middles.push([left, coef[curve[first]], coef[curve[last - 1]], share, apart(curve[(first + last - 1) >> 1])]);
    }
    context.fillStyle = ink;
    context.fillRect(LEFT, y(0), room, 1);
    for (const [left, from, to, share, pale] of middles) {
      const size = Math.min(Math.max(wide * 0.7, 2), 7);
      const upper = y(clipped(to)) - size / 2, tall = y(clipped(from)) + size / 2 - upper;
      // what is shown apart is pale
      context.globalAlpha = pale ? 0.35 : 1;
      context.fillStyle = soft;
      context.fillRect(left + (wide - size) / 2, upper, size, tall);
      context.globalAlpha = pale ? 0.35 * share : share;
      context.fillStyle = accent;
      context.fillRect(left + (wide - size) / 2, upper - (share > 0.5 ? 1 : 0), size, tall + (share > 0.5 ? 2 : 0));
      // the same below the curve: how many are significant
      context.fillRect(left, HEIGHT - BOTTOM + 4, wide, 10);
      context.globalAlpha = 1;
    }
    context.strokeStyle = line;
    context.lineWidth = 1;
    context.strokeRect(LEFT, HEIGHT - BOTTOM + 4, room, 10);
    const place = cursor < 0 ? -1 : curve.indexOf(cursor);
    if (place >= 0) {
      context.strokeStyle = ink;
      context.lineWidth = 1.5;
      context.strokeRect(x(place) - 5, y(clipped(coef[cursor])) - 5, 10, 10);
      context.fillStyle = ink;
      context.fillRect(x(place) - 0.5, HEIGHT - BOTTOM, 1, 18);
    }
    if (!n) {
      context.fillStyle = soft;
      context.textAlign = "center";
      context.fillText(words.no_runs, LEFT + room / 2, HEIGHT / 2);
    }
    canvas.setAttribute("aria-label", words.curve_label);
    canvas.setAttribute("aria-valuemin", n ? 1 : 0);
    canvas.setAttribute("aria-valuemax", n);
    canvas.setAttribute("aria-valuenow", place + 1);
    canvas.setAttribute("aria-valuetext", place < 0 ? `${thousands(n)} ${words.estimates}` : filled(words.curve_run, {
      place: thousands(place + 1), n: thousands(n), estimate: rounded(coef[cursor]), p: rounded(p[cursor]) }));
  };

  // ---- one run: its choices, its numbers, and how it is run again
  const quoted = (text) => {
    const line = make("div", { class: "command" });
    const code = make("pre", { tabindex: "0" }, text);
    const button = make("button", { type: "button" }, words.copy);
    button.addEventListener("click", () => {
      const done = () => { button.textContent = words.copied; setTimeout(() => { button.textContent = words.copy; }, 1500); };
      const select = () => {
        getSelection().selectAllChildren(code);
        if (document.execCommand("copy")) done();
      };
      if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, select);
      else select();
    });
    line.append(code, button);
    return line;
  };
  const commands = (row) => {
    const id = data.ids.slice(32 * row, 32 * row + 32).trim(), again = data.again;
    const own = columns.filter((column) => column.key).map((column) => [column, column.codes[row]]);
    const sets = own.map(([column, code]) => column.set[code]).filter(Boolean);
    const lines = own.map(([column, code]) => column.lines[code]).filter(Boolean);
    return {
      run: again.run && sets.length ? `${again.run} ${sets.join(" ")}` : again.run,
      rerun: id && `${again.rerun} ${id}${again.store ? ` ${again.store}` : ""}`,
      yaml: again.run && `${again.yaml}columns:\n  run ${row + 1}:\n${[...again.fixed, ...lines].map((line) => `    ${line}\n`).join("")}`,
    };
  };
  const show = (row) => {
    cursor = row;
    detail.hidden = row < 0;
    if (row < 0) return;
    const name = columns.find((column) => column.run), said = name.values ? name.values[name.codes[row]] : "";
    const head = make(root.dataset.head, {}, `${words.one_run} ${thousands(row + 1)}${said ? `: ${said}` : ""}`);
    const facts = make("dl", { class: "shares" });
    if (!Number.isNaN(coef[row])) {
      facts.append(fact(data.effect.name, rounded(coef[row])), fact(words.p, rounded(p[row])));
      if (Number.isFinite(low[row])) facts.append(fact(words.interval, `${rounded(low[row])} … ${rounded(high[row])}`));
    }
    const list = make("dl", { class: "shares chosen" });
    columns.filter((column) => column.key && column.values[column.codes[row]]).forEach((column) => {
      list.append(fact(column.head, column.values[column.codes[row]], column.lines[column.codes[row]] || column.key));
    });
    const { run, rerun, yaml } = commands(row);
    const parts = [head, facts, list];
    if (run || rerun) parts.push(make(root.dataset.head, {}, words.again));
    if (run) parts.push(quoted(run));
    if (rerun) parts.push(make("p", { class: "hint" }, words.again_compare), quoted(rerun));
    if (yaml) {
      const fold = make("details");
      fold.append(make("summary", {}, words.again_file), quoted(yaml));
      parts.push(fold);
    }
    if (data.base && data.ids.slice(32 * row, 32 * row + 32).trim()) {
      parts.push(make("a", { href: data.base + data.ids.slice(32 * row, 32 * row + 32), target: "_blank", rel: "noopener" }, words.mlflow));
    }
    detail.replaceChildren(...parts);
  };

  const at = (event) => {
    const place = Math.floor((event.clientX - canvas.getBoundingClientRect().left - LEFT) / (width - LEFT - 8) * curve.length);
    return Math.min(Math.max(place, 0), curve.length - 1);
  };
  // the table changes only if the chosen runs do
  let listed = null;
  const choose = (ends) => {
    brush = ends;
    if (brush || listed) changed();
    else draw();
  };
  let dragging = false;
  canvas.addEventListener("pointerdown", (event) => {
    if (!curve.length) return;
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
    dragging = true;
    anchor = at(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!dragging) return;
    const place = at(event);
    if (!brush && Math.abs(x(place) - x(anchor)) < 3) return;
    brush = [Math.min(anchor, place), Math.max(anchor, place)];
    summary();
    draw();
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!dragging) return;
    dragging = false;
    const place = at(event);
    if (Math.abs(x(place) - x(anchor)) < 3) {
      show(curve[place]);
      choose(null);
    } else {
      choose([Math.min(anchor, place), Math.max(anchor, place)]);
    }
  });
  canvas.addEventListener("keydown", (event) => {
    const n = curve.length;
    if (event.key === "Escape") {
      show(-1);
      choose(null);
      return;
    }
    if (!n) return;
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: n / 20, PageDown: -n / 20, Home: -n, End: n }[event.key];
    if (!step) return;
    event.preventDefault();
    const before = curve.indexOf(cursor);
    const moved = before < 0 && Math.abs(step) < n ? (step < 0 ? n - 1 : 0) : before + (step > 0 ? Math.ceil(step) : Math.floor(step));
    const place = Math.min(Math.max(moved, 0), n - 1);
    if (event.shiftKey && !brush) anchor = Math.max(before, 0);
    show(curve[place]);
    choose(event.shiftKey ? [Math.min(anchor, place), Math.max(anchor, place)] : null);
  });
  window.addEventListener("resize", () => requestAnimationFrame(measure));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", measure);
  matchMedia("print").addEventListener("change", measure);

  box.hidden = false;
  measure();
  return {
    filter,
    show: (row) => { show(row); draw(); detail.focus({ preventScroll: true }); detail.scrollIntoView({ block: "nearest" }); },
    reset: () => {
      brush = null;
      show(-1);
      choices.forEach((choice) => {
        choice.open = null;
        choice.parts.forEach((part) => { part.input.checked = true; });
      });
    },
  };
};
