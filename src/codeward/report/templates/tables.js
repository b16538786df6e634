"use strict";
// Sort by a click on a head. A cell's data-v is its key where its text is not; cells without a key stay last.
function keyOf(row, column) {
  const cell = row.cells[column];
  const text = cell.dataset.v ?? cell.textContent.trim(), number = Number.parseFloat(text);
  return text === "" ? null : Number.isNaN(number) ? text.toLowerCase() : number;
}
function sortBy(table, column, up) {
  const heads = table.tHead.rows[0].cells;
  for (const head of heads) head.removeAttribute("aria-sort");
  heads[column].setAttribute("aria-sort", up ? "ascending" : "descending");
  const kind = key => key === null ? 2 : typeof key === "string" ? 1 : 0;
  const rows = [...table.tBodies[0].rows].map(row => [keyOf(row, column), row]);
  rows.sort(([a], [b]) => kind(a) - kind(b) || (a < b ? -1 : a > b ? 1 : 0) * (up ? 1 : -1));
  table.tBodies[0].append(...rows.map(([, row]) => row));
}
for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      sortBy(table, column, head.getAttribute("aria-sort") !== "ascending");
      table.dispatchEvent(new Event("sorted"));
    });
  });
}
// Filter by a form: a select holds against the row's data attribute of its name, the text against the whole row.
for (const form of document.querySelectorAll("form[data-filters]")) {
  const table = document.getElementById(form.dataset.filters), rows = [...table.tBodies[0].rows];
  const controls = [...form.elements].filter(control => control.name), count = form.querySelector("output");
  const text = row => (form.dataset.column ? row.cells[form.dataset.column] : row).textContent.toLowerCase();
  const fits = row => controls.every(({ name, value }) => !value || (name === "q"
    ? value.toLowerCase().split(/\s+/).every(word => text(row).includes(word))
    : row.dataset[name] === value));
  const filter = () => {
    for (const row of rows) row.hidden = !fits(row);
    if (count) count.value = `${rows.filter(row => !row.hidden).length} of ${rows.length} shown`;
  };
  // What is chosen stands in the address, so that a view can be sent to others: #defense=onion&q=differs&sort=-success
  const remember = () => {
    if (!form.hasAttribute("data-address")) return;
    const state = new URLSearchParams(controls.filter(control => control.value).map(({ name, value }) => [name, value]));
    const head = table.querySelector("th[aria-sort]");
    if (head) state.set("sort", (head.getAttribute("aria-sort") === "descending" ? "-" : "") + head.dataset.name);
    history.replaceState(null, "", `#${state}`);
  };
  const recall = () => {
    if (!form.hasAttribute("data-address") || !location.hash.includes("=")) return;
    const state = new URLSearchParams(location.hash.slice(1)), sort = state.get("sort") ?? "";
    for (const control of controls) control.value = state.get(control.name) ?? "";
    const column = [...table.tHead.rows[0].cells].findIndex(head => head.dataset.name === sort.replace(/^-/, ""));
    if (column >= 0) sortBy(table, column, !sort.startsWith("-"));
    filter();
    form.scrollIntoView();
  };
  form.hidden = false;
  form.addEventListener("input", () => { filter(); remember(); });
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { filter(); remember(); }));
  table.addEventListener("sorted", remember);
  addEventListener("hashchange", recall);
  filter();
  recall();
}
