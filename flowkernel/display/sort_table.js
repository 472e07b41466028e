(() => {
  const EMPTY = /^(|NaN|NaT|None|null|<NA>)$/;
  const number = (text) => Number(text.replaceAll(",", ""));
  for (const box of document.querySelectorAll(".jp-flowkernel-table:not([data-sorts])")) {
    const table = box.querySelector("table");
    const body = table && table.tBodies[0];
    const heads = table && table.tHead ? [...table.tHead.rows[0].cells] : [];
    const rows = body ? [...body.rows] : [];
    if (rows.some((row) => row.cells.length !== heads.length)) continue;
    box.dataset.sorts = "yes";
    const key = (row, place) => {
      const cell = row.cells[place];
      const text = cell.dataset.key ?? cell.textContent.trim();
      return EMPTY.test(text) ? "" : text;
    };
    heads.forEach((head, place) => {
      const button = document.createElement("button");
      const mark = document.createElement("span");
      const label = head.textContent.trim() || "row";
      button.type = "button";
      button.title = `Sort by ${label}`;
      if (!head.textContent.trim()) button.setAttribute("aria-label", label);
      mark.setAttribute("aria-hidden", "true");
      button.append(...head.childNodes, mark);
      head.append(button);
      button.addEventListener("click", () => {
        const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        for (const other of heads) {
          other.removeAttribute("aria-sort");
          other.querySelector("span[aria-hidden]").textContent = "";
        }
        head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
        mark.textContent = sign > 0 ? " \u25B2" : " \u25BC";
        const keys = new Map(rows.map((row) => [row, key(row, place)]));
        const isNumber = [...keys.values()].every((text) => !Number.isNaN(number(text)));
        const compare = (first, second) => {
          const [a, b] = [keys.get(first), keys.get(second)];
          if (a === "" || b === "") return (a === "") - (b === "");
          if (isNumber) return sign * (number(a) - number(b));
          return sign * a.localeCompare(b, undefined, { numeric: true });
        };
        body.append(...[...rows].sort(compare));
      });
    });
  }
})();
