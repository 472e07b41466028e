const button = event.target.closest("[role=button]");
const head = button && button.closest("th");
const body = head && head.closest("table").tBodies[0];
const heads = head ? [...head.parentNode.cells] : [];
const rows = body ? [...body.rows] : [];
if (body && rows.every((row) => row.cells.length === heads.length)) {
  const EMPTY = /^(|NaN|NaT|None|null|<NA>)$/;
  const number = (text) => Number(text.replaceAll(",", ""));
  const key = (row) => {
    const cell = row.cells[heads.indexOf(head)];
    const text = cell.dataset.key ?? cell.textContent.trim();
    return EMPTY.test(text) ? "" : text;
  };
  const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  for (const other of heads) {
    other.removeAttribute("aria-sort");
    other.querySelectorAll("[aria-hidden]").forEach((mark) => mark.remove());
  }
  const mark = document.createElement("span");
  mark.setAttribute("aria-hidden", "true");
  mark.textContent = sign > 0 ? "\u00A0\u25B2" : "\u00A0\u25BC";
  button.append(mark);
  head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  const keys = new Map(rows.map((row) => [row, key(row)]));
  const isNumber = [...keys.values()].every((text) => !Number.isNaN(number(text)));
  const compare = (first, second) => {
    const [a, b] = [keys.get(first), keys.get(second)];
    if (a === "" || b === "") return (a === "") - (b === "");
    if (isNumber) return sign * (number(a) - number(b));
    return sign * a.localeCompare(b, undefined, { numeric: true });
  };
  body.append(...[...rows].sort(compare));
}
