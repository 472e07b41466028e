/* What a page adds to a prompt: source in colours, its keys, and how long is left.

   The page loads it from the widget itself: nothing comes from the network. Without it a prompt
   is complete, but plain. Written for the anywidget package (https://anywidget.dev). */

const INDENT = "    ";
/* Characters of a source that is painted, inclusive: more would make typing slow. */
const PAINTED = 50_000;
const DAY_MINUTES = 24 * 60;
const COUNTED_SECONDS = 120;
const TICK_MS = 1_000;

// -- one timer for all prompts of a page ------------------------------------------------------

const CLOCK = Symbol.for("flowkernel.clock");

/** Call `tick` once a second, until the function that this returns is called. */
function everySecond(tick) {
  const clock = (globalThis[CLOCK] ??= { ticks: new Set(), timer: null });
  clock.ticks.add(tick);
  clock.timer ??= setInterval(() => clock.ticks.forEach((call) => call()), TICK_MS);
  return () => {
    clock.ticks.delete(tick);
    if (clock.ticks.size === 0) {
      clearInterval(clock.timer);
      clock.timer = null;
    }
  };
}

/** How long is left; minutes are rounded up. The words are those of `display/deadline.py`. */
function leftText(seconds) {
  if (seconds <= 0) return "its time is over";
  if (seconds <= COUNTED_SECONDS) return `${Math.ceil(seconds)} s left`;
  const minutes = Math.ceil(seconds / 60);
  const twoDigits = (number) => String(number).padStart(2, "0");
  if (minutes < 60) return `${minutes} min left`;
  if (minutes < DAY_MINUTES) {
    return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} min left`;
  }
  const hours = Math.floor((minutes % DAY_MINUTES) / 60);
  return `${Math.floor(minutes / DAY_MINUTES)} d ${hours} h left`;
}

/** The time of day where the page is; with its day, unless that is today's. */
function clockText(deadline, now) {
  const two = (number) => String(number).padStart(2, "0");
  const time = `${two(deadline.getHours())}:${two(deadline.getMinutes())}`;
  if (deadline.toDateString() === now.toDateString()) return time;
  const day = [deadline.getFullYear(), two(deadline.getMonth() + 1), two(deadline.getDate())];
  return `${day.join("-")} ${time}`;
}

function countDown(element) {
  const deadline = new Date(element.dataset.until);
  const now = new Date();
  const text = `until ${clockText(deadline, now)}, ${leftText((deadline - now) / 1_000)}`;
  // Only what changes is written: what reads the page aloud is left in peace.
  if (element.textContent !== text) element.textContent = text;
}

// -- colours ----------------------------------------------------------------------------------

const KEYWORDS = new Set(
  ("and as assert async await break class continue def del elif else except finally for from " +
    "global if import in is lambda nonlocal not or pass raise return try while with yield").split(" "),
);
const ATOMS = new Set(["True", "False", "None", "NotImplemented", "Ellipsis"]);
const BUILTINS = new Set(
  ("abs all any bool bytes dict dir enumerate filter float format getattr hasattr hash id input " +
    "int isinstance issubclass iter len list map max min next object open ord pow print range " +
    "repr reversed round set setattr slice sorted str sum super tuple type vars zip").split(" "),
);
const TOKEN = new RegExp(
  [
    "(?<comment>#[^\\n]*)",
    "(?<string>[rRbBfFuUtT]{0,2}(?:" +
      '"""(?:\\\\[\\s\\S]|(?!""")[\\s\\S])*(?:""")?|' +
      "'''(?:\\\\[\\s\\S]|(?!''')[\\s\\S])*(?:''')?|" +
      '"(?:\\\\[\\s\\S]|[^"\\\\\\n])*"?|' +
      "'(?:\\\\[\\s\\S]|[^'\\\\\\n])*'?))",
    "(?<number>0[xXoObB][\\da-fA-F_]+|(?:\\d[\\d_]*(?:\\.[\\d_]*)?|\\.\\d[\\d_]*)" +
      "(?:[eE][+-]?\\d+)?[jJ]?)",
    "(?<word>[\\p{L}_][\\p{L}\\p{N}_]*)",
    "(?<meta>(?<=^[ \\t]*)(?:[%!][^\\n]*|@[\\w.]+))",
    "(?<operator>[-+*/%@=<>!&|^~:]+)",
  ].join("|"),
  "gmu",
);

/** The parts of a Python source, in order: pairs of a kind and its text; "" is plain text. */
export function tokens(source) {
  const parts = [];
  let end = 0;
  let previous = "";
  for (const match of source.matchAll(TOKEN)) {
    if (match.index > end) parts.push(["", source.slice(end, match.index)]);
    const [kind, text] = Object.entries(match.groups).find((group) => group[1] !== undefined);
    parts.push([kind === "word" ? kindOfWord(text, previous) : kind, text]);
    if (kind === "word") previous = text;
    else if (kind !== "comment") previous = "";
    end = match.index + text.length;
  }
  if (end < source.length) parts.push(["", source.slice(end)]);
  return parts;
}

function kindOfWord(word, previous) {
  if (previous === "def" || previous === "class") return "definition";
  if (KEYWORDS.has(word)) return "keyword";
  if (ATOMS.has(word)) return "atom";
  return BUILTINS.has(word) ? "builtin" : "";
}

// -- the editor -------------------------------------------------------------------------------

/** Make a text field an editor: painted behind the text, with the keys of an editor. */
function makeEditor(box, number, label, press) {
  const area = box.querySelector("textarea");
  const editor = document.createElement("div");
  const paint = document.createElement("div");
  const keys = document.createElement("div");
  editor.className = "jp-flowkernel-editor";
  paint.className = "jp-flowkernel-paint";
  paint.setAttribute("aria-hidden", "true");
  keys.className = "jp-flowkernel-keys";
  keys.id = `jp-flowkernel-keys-${Math.random().toString(36).slice(2)}`;
  const action = label ? `Shift+Enter: ${label}. ` : "";
  keys.textContent = `${action}Tab indents; Esc and then Tab leaves the field.`;
  area.replaceWith(editor);
  editor.append(area, paint, keys);
  area.setAttribute("wrap", "off");
  area.setAttribute("spellcheck", "false");
  area.setAttribute("autocapitalize", "off");
  area.setAttribute("aria-describedby", keys.id);
  const repaint = painter(editor, area, paint);
  area.addEventListener("input", repaint);
  area.addEventListener("scroll", () => follow(area, paint));
  const removeKeys = addKeys(area, () => press(number, area.value));
  repaint();
  return { repaint, removeKeys };
}

/** What paints the source, if it has changed. */
function painter(editor, area, paint) {
  let painted = null;
  return () => {
    const source = area.value;
    if (source !== painted) {
      painted = source;
      const isLong = source.length > PAINTED;
      editor.classList.toggle("jp-flowkernel-unpainted", isLong);
      paint.replaceChildren(...(isLong ? [] : tokens(source).map(spanOf)), "\n");
    }
    follow(area, paint);
  };
}

function spanOf([kind, text]) {
  if (!kind) return text;
  const span = document.createElement("span");
  span.className = `jp-flowkernel-${kind}`;
  span.textContent = text;
  return span;
}

function follow(area, paint) {
  paint.scrollTop = area.scrollTop;
  paint.scrollLeft = area.scrollLeft;
}

/** Shift+Enter answers, Tab indents, Enter keeps the indent, Esc lets the next Tab leave. */
function addKeys(area, answer) {
  let leaves = false;
  area.addEventListener("focus", () => (leaves = false));
  area.addEventListener("input", () => (leaves = false));
  const onKey = (event) => {
    if (event.target !== area || event.isComposing) return;
    const change = changeOf(event, area, answer, leaves);
    if (event.key === "Escape") leaves = true;
    else if (change) leaves = false;
    if (!change) return;
    event.preventDefault();
    event.stopPropagation();
    change();
  };
  // Before the page sees it: Shift+Enter would run the cell again, in which the prompt is.
  window.addEventListener("keydown", onKey, true);
  return () => window.removeEventListener("keydown", onKey, true);
}

/** What a key does here; null: what it does in every text field. */
function changeOf(event, area, answer, leaves) {
  const hasModifier = event.ctrlKey || event.altKey || event.metaKey;
  switch (event.key) {
    case "Enter":
      if (event.shiftKey || event.ctrlKey || event.metaKey) return answer;
      return hasModifier ? null : () => newLine(area);
    case "Tab":
      return hasModifier || leaves ? null : () => indent(area, event.shiftKey);
    case "Escape":
      return () => {};
    default:
      return null;
  }
}

/** Replace a part of the text such that the browser can undo it. */
function replace(area, start, end, text) {
  area.setSelectionRange(start, end);
  const isDone = text
    ? document.execCommand("insertText", false, text)
    : document.execCommand("delete", false);
  if (!isDone) {
    area.setRangeText(text, start, end, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

/** Where the line begins that has this place. */
function lineStart(text, place) {
  return place === 0 ? 0 : text.lastIndexOf("\n", place - 1) + 1;
}

function newLine(area) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const line = value.slice(lineStart(value, start), start);
  const deeper = /:\s*(#.*)?$/.test(line) ? INDENT : "";
  replace(area, start, end, `\n${/^[ \t]*/.exec(line)[0]}${deeper}`);
}

/** Indent the lines of the selection, or take an indent away from them. */
function indent(area, isLess) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const first = lineStart(value, start);
  if (start === end && !isLess) {
    replace(area, start, end, " ".repeat(INDENT.length - ((start - first) % INDENT.length)));
    return;
  }
  const before = value.slice(first, end);
  const lines = before.split("\n");
  const after = lines
    .map((line) => (isLess ? line.replace(/^( {1,4}|\t)/, "") : line && INDENT + line))
    .join("\n");
  if (after === before) return;
  replace(area, first, end, after);
  if (start !== end) area.setSelectionRange(first, first + after.length);
}

// -- the widget -------------------------------------------------------------------------------

/** Tell the kernel that this page can show it: only then it is made a part of the prompt. */
function initialize({ model }) {
  model.set("is_ready", true);
  model.save_changes();
}

function render({ model, el }) {
  el.classList.add("jp-flowkernel-script");
  const editors = new Map();
  let stop = () => {};
  const press = (field, value) => model.send({ kind: "press", field, value });

  function decorate(prompt) {
    for (const { field, button } of model.get("fields")) {
      const box = prompt.querySelector(`.jp-flowkernel-field-${field}`);
      const area = box?.querySelector("textarea");
      if (area && !editors.has(area)) {
        editors.set(area, makeEditor(box, field, button, press));
      }
    }
    editors.forEach((editor) => editor.repaint());
    prompt.querySelectorAll("[data-until]").forEach(countDown);
  }

  function begin() {
    const prompt = el.closest(".jp-flowkernel-prompt");
    if (!prompt) return;
    // The other widgets of the prompt may be drawn after this one.
    const observer = new MutationObserver(() => decorate(prompt));
    observer.observe(prompt, { childList: true, subtree: true });
    const stopClock = everySecond(() => decorate(prompt));
    stop = () => (observer.disconnect(), stopClock());
    decorate(prompt);
  }

  // A view is drawn before it is a part of the page.
  let frame = requestAnimationFrame(function look() {
    if (el.isConnected) begin();
    else frame = requestAnimationFrame(look);
  });
  return () => {
    cancelAnimationFrame(frame);
    stop();
    editors.forEach((editor) => editor.removeKeys());
  };
}

export default { initialize, render };
