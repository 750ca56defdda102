// The table of runs: sorted, filtered and searched here, and only the rows in sight are in the document.
document.querySelectorAll(".runs").forEach((root) => {
  const data = JSON.parse(root.querySelector("script").textContent);
  const columns = data.columns.map((column) => ({
    ...column,
    ...(column.codes ? { codes: unpacked(column.codes) } : { numbers: unpacked(column.numbers) }),
  }));
  const total = data.runs, words = data.words;
  const form = root.querySelector("form"), search = form.querySelector("input"), output = form.querySelector("output");
  const scroll = root.querySelector(".scroll"), table = root.querySelector("table");
  const head = table.querySelector("thead"), body = table.querySelector("tbody");
  const HEIGHT = 26, TALL = 600, MARGIN = 6, PRINTED = 60, CHOICES = 40;
  const conditions = columns.map(() => null);
  let sorted = { column: -1, down: false };
  let order = Array.from({ length: total }, (_, row) => row);
  let shown = [-1, -1];
  let printing = false;
  // the scroll position, known without asking, which would make the browser lay the page out
  let top = 0;

  const shownNumber = (value, digits) => {
    if (Number.isNaN(value)) return "";
    const small = value !== 0 && Math.abs(value) < 0.5 * 10 ** -digits;
    const large = Math.abs(value) >= 1e7 && digits > 0;
    return small || large ? value.toExponential(2) : value.toFixed(digits);
  };
  const text = (column, row) =>
    column.values ? column.values[column.codes[row]] : shownNumber(column.numbers[row], column.digits);

  // what a search looks at, made when it is first asked
  let haystack = null;
  const searched = () => {
    haystack = haystack || Array.from({ length: total }, (_, row) =>
      columns.map((column) => text(column, row)).join("\n").toLowerCase());
    return haystack;
  };

  // numbers: <0.05  >=1  0..1  -0.2
  const condition = (entry) => {
    const number = "[-+]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][-+]?\\d+)?";
    const between = entry.match(new RegExp(`^(${number})\\s*\\.\\.\\s*(${number})$`));
    if (between) return (x) => x >= Number(between[1]) && x <= Number(between[2]);
    const compared = entry.match(new RegExp(`^(<=|>=|<|>|=)?\\s*(${number})$`));
    if (!compared) return null;
    const limit = Number(compared[2]);
    const tests = { "<": (x) => x < limit, ">": (x) => x > limit, "<=": (x) => x <= limit, ">=": (x) => x >= limit };
    return tests[compared[1]] || ((x) => Math.abs(x - limit) <= 1e-9 * Math.max(1, Math.abs(limit)));
  };

  const ranks = columns.map((column) => {
    if (!column.values) return null;
    const places = column.values.map((_, place) => place);
    places.sort((a, b) => column.values[a].localeCompare(column.values[b], undefined, { numeric: true }));
    const rank = [];
    places.forEach((place, position) => { rank[place] = position; });
    return rank;
  });

  const arrange = () => {
    const asked = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const texts = asked.length ? searched() : null;
    const tests = conditions.filter(Boolean);
    let pass = new Uint8Array(total);
    for (let row = 0; row < total; row++) {
      if (tests.every((test) => test(row)) && asked.every((word) => texts[row].includes(word))) pass[row] = 1;
    }
    if (curve) pass = curve.filter(pass);
    order = [];
    for (let row = 0; row < total; row++) if (pass[row]) order.push(row);
    if (sorted.column >= 0) {
      const column = columns[sorted.column], rank = ranks[sorted.column], sign = sorted.down ? -1 : 1;
      const value = rank ? (row) => rank[column.codes[row]] : (row) => column.numbers[row];
      order.sort((a, b) => {
        const x = value(a), y = value(b);
        if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y) || a - b;
        return sign * (x - y) || a - b;
      });
    }
    output.textContent = filled(words.of, { shown: thousands(order.length), total: thousands(total) });
    table.setAttribute("aria-rowcount", order.length + 2);
    shown = [-1, -1];
    if (top) scroll.scrollTop = 0;
    top = 0;
    draw();
  };

  const line = (row, place) => {
    const element = make("tr", { "aria-rowindex": place + 3 });
    columns.forEach((column) => {
      const cell = make(column.run ? "th" : "td", column.run ? { scope: "row" } : {});
      if (column.numbers) cell.className = "number";
      const said = text(column, row), id = data.ids.slice(32 * row, 32 * row + 32).trim();
      if (column.run) {
        const attributes = { href: `#${data.key}-run-${row + 1}` };
        cell.append(curve ? make("a", attributes, said || String(row + 1)) : said);
      } else if (data.base && id && said && column.numbers) {
        cell.append(make("a", { href: data.base + id, target: "_blank", rel: "noopener", tabindex: "-1" }, said));
      } else {
        cell.textContent = said;
      }
      if (column.values) cell.title = (column.lines && column.lines[column.codes[row]]) || said;
      if (column.bad && column.bad.includes(said)) element.className = "bad";
      element.append(cell);
    });
    return element;
  };

  const space = (height) => {
    const element = make("tr", { class: "space", "aria-hidden": "true" });
    element.append(make("td", { colspan: columns.length, style: `height:${height}px` }));
    return element;
  };

  const draw = () => {
    let first = 0, last = Math.min(order.length, PRINTED);
    if (!printing) {
      first = Math.max(0, Math.floor(top / HEIGHT) - MARGIN);
      last = Math.min(order.length, Math.ceil((top + TALL) / HEIGHT) + MARGIN);
    }
    if (first === shown[0] && last === shown[1]) return;
    shown = [first, last];
    const rows = [];
    if (!printing && first > 0) rows.push(space(first * HEIGHT));
    for (let place = first; place < last; place++) rows.push(line(order[place], place));
    if (!printing && last < order.length) rows.push(space((order.length - last) * HEIGHT));
    body.replaceChildren(...rows);
  };

  const widths = columns.map((column) => {
    const longest = column.values ? Math.max(...column.values.map((value) => width(value)), 3) : 9;
    return Math.min(Math.max(longest, Math.min(width(column.head) + 3, 15), column.values ? 7 : 9), 36) + 3;
  });
  function width(value) {
    let sum = 0;
    for (const letter of value) sum += letter.codePointAt(0) > 0x2e7f ? 2 : 1;
    return sum;
  }

  const heads = make("tr", { "aria-rowindex": 1 }), filters = make("tr", { class: "filters", "aria-rowindex": 2 });
  columns.forEach((column, place) => {
    const cell = make("th", { scope: "col", "aria-sort": "none" });
    if (column.numbers) cell.className = "number";
    const button = make("button", { type: "button", title: `${words.sort} ${column.key || column.head}` }, column.head);
    button.addEventListener("click", () => {
      if (sorted.column !== place) sorted = { column: place, down: false };
      else if (!sorted.down) sorted.down = true;
      else sorted = { column: -1, down: false };
      [...heads.children].forEach((other, position) => other.setAttribute("aria-sort",
        position !== sorted.column ? "none" : sorted.down ? "descending" : "ascending"));
      arrange();
    });
    cell.append(button);
    heads.append(cell);
    filters.append(filter(column, place));
  });
  head.append(heads, filters);
  const group = make("colgroup");
  widths.forEach((count) => group.append(make("col", { style: `width:${count}ch` })));
  table.insertBefore(group, head);
  table.style.width = `${widths.reduce((sum, count) => sum + count, 0)}ch`;

  function filter(column, place) {
    const cell = make("td"), label = `${words.filter}: ${column.head}`;
    if (column.values && column.values.length <= CHOICES && !column.run) {
      const select = make("select", { "aria-label": label });
      select.append(make("option", { value: "" }, words.any));
      ranks[place].map((rank, code) => [rank, code]).sort((a, b) => a[0] - b[0]).forEach(([, code]) =>
        select.append(make("option", { value: code }, column.values[code] || "–")));
      select.addEventListener("change", () => {
        const code = Number(select.value);
        conditions[place] = select.value === "" ? null : (row) => column.codes[row] === code;
        arrange();
      });
      cell.append(select);
      return cell;
    }
    const input = make("input", { "aria-label": label, autocomplete: "off" });
    if (column.numbers) input.placeholder = "<0.05";
    input.title = column.numbers ? words.filter_number : "";
    input.addEventListener("input", () => {
      const entry = input.value.trim();
      const test = column.numbers && entry ? condition(entry) : null;
      input.setAttribute("aria-invalid", String(Boolean(column.numbers && entry && !test)));
      if (column.numbers) {
        conditions[place] = test && ((row) => !Number.isNaN(column.numbers[row]) && test(column.numbers[row]));
      } else {
        const asked = entry.toLowerCase();
        conditions[place] = asked ? (row) => column.values[column.codes[row]].toLowerCase().includes(asked) : null;
      }
      arrange();
    });
    cell.append(input);
    return cell;
  }

  let pending = 0;
  search.addEventListener("input", () => { clearTimeout(pending); pending = setTimeout(arrange, 80); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => {
    conditions.fill(null);
    if (curve) curve.reset();
    filters.querySelectorAll("select, input").forEach((one) => {
      one.value = "";
      one.removeAttribute("aria-invalid");
    });
    setTimeout(arrange);
  });
  scroll.addEventListener("scroll", () => requestAnimationFrame(() => {
    top = scroll.scrollTop;
    draw();
  }));
  const print = (now) => {
    printing = now;
    shown = [-1, -1];
    root.querySelector(".printed").textContent = order.length > PRINTED
      ? filled(words.most_printed, { n: PRINTED, total: thousands(total) }) : "";
    draw();
  };
  window.addEventListener("beforeprint", () => print(true));
  window.addEventListener("afterprint", () => print(false));

  const curve = explorer(root, data, columns, () => arrange());
  const follow = () => {
    const run = location.hash.match(/^#(.*)-run-(\d+)$/);
    if (!run || decodeURIComponent(run[1]) !== data.key || Number(run[2]) < 1 || Number(run[2]) > total) return;
    if (curve) curve.show(Number(run[2]) - 1);
    else root.scrollIntoView();
  };
  window.addEventListener("hashchange", follow);
  form.hidden = false;
  scroll.hidden = false;
  arrange();
  follow();
});

// what is folded on the screen is printed
let folded = [];
window.addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("main details:not([open])")].filter((one) => !one.closest(".screen"));
  folded.forEach((one) => { one.open = true; });
});
window.addEventListener("afterprint", () => folded.forEach((one) => { one.open = false; }));

// what scrolls can be reached by the keyboard
const reachable = () => document.querySelectorAll(".dc-table, .table, pre.yaml").forEach((one) => {
  if (one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight) one.tabIndex = 0;
  else one.removeAttribute("tabindex");
});
reachable();
window.addEventListener("resize", () => requestAnimationFrame(reachable));
document.addEventListener("toggle", () => requestAnimationFrame(reachable), true);
