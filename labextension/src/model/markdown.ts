/**
 * The little Markdown that messages have, as blocks and spans: no HTML, no image, no link that
 * could be followed, so that nothing in a message can run or be requested.
 */

export type Span =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'strong'; readonly text: string }
  | { readonly kind: 'emphasis'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string };

export type Block =
  | { readonly kind: 'paragraph'; readonly spans: readonly Span[] }
  | { readonly kind: 'heading'; readonly spans: readonly Span[] }
  | { readonly kind: 'list'; readonly items: readonly (readonly Span[])[] }
  | { readonly kind: 'code'; readonly text: string };

export function blocksOf(markdown: string): readonly Block[] {
  const lines = markdown.split('\n');
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length;) {
    const [block, next] = blockAt(lines, at);
    if (block !== null) {
      blocks.push(block);
    }
    at = next;
  }
  return blocks;
}

const FENCE = /^\s*(`{3,}|~{3,})/;
const ITEM = /^\s*(?:[-*+]|\d+[.)])\s+/;
const HEADING = /^#{1,6}\s+/;

/** The block that begins there, and the line behind it. */
function blockAt(
  lines: readonly string[],
  at: number
): readonly [Block | null, number] {
  const line = lines[at] ?? '';
  const fence = FENCE.exec(line)?.[1];
  if (fence !== undefined) {
    const end = endOf(lines, at + 1, other => other.trim().startsWith(fence));
    return [
      { kind: 'code', text: lines.slice(at + 1, end).join('\n') },
      end + 1
    ];
  }
  if (line.trim() === '') {
    return [null, at + 1];
  }
  if (HEADING.test(line)) {
    return [
      { kind: 'heading', spans: spansOf(line.replace(HEADING, '')) },
      at + 1
    ];
  }
  if (ITEM.test(line)) {
    const end = endOf(lines, at, other => !ITEM.test(other));
    const items = lines
      .slice(at, end)
      .map(item => spansOf(item.replace(ITEM, '')));
    return [{ kind: 'list', items }, end];
  }
  const end = endOf(
    lines,
    at + 1,
    other => other.trim() === '' || FENCE.test(other) || ITEM.test(other)
  );
  return [
    { kind: 'paragraph', spans: spansOf(lines.slice(at, end).join(' ')) },
    end
  ];
}

function endOf(
  lines: readonly string[],
  start: number,
  isEnd: (line: string) => boolean
): number {
  const place = lines.slice(start).findIndex(isEnd);
  return place < 0 ? lines.length : start + place;
}

/** A character that stands for itself. */
const ESCAPE = /\\[\\`*_{}[\]()#+\-.!<>|~]/;
/** Any character but a star; a backslash takes along what it protects. */
const CHARACTER = `(?:${ESCAPE.source}|[^*\\\\]|\\\\(?!${ESCAPE.source.slice(2)}))`;
/** Stars with a space inside of them are those of a product: `3 * amount`. */
const SPANS = new RegExp(
  [
    ESCAPE.source,
    '`([^`]+)`',
    `\\*\\*(?=\\S)((?:${CHARACTER}|\\*(?!\\*))+?)(?<=\\S)\\*\\*`,
    `\\*(?=[^\\s*])(${CHARACTER}+?)(?<=\\S)\\*`,
    '!?\\[([^\\]]*)\\]\\(([^)\\s]*)[^)]*\\)'
  ].join('|'),
  'g'
);

/** A link is shown with its address: it cannot be followed by mistake. */
function spansOf(text: string): readonly Span[] {
  const spans: Span[] = [];
  let at = 0;
  for (const match of text.matchAll(SPANS)) {
    const [whole, code, strong, emphasis, label, address] = match;
    addText(spans, text.slice(at, match.index));
    at = match.index + whole.length;
    if (code !== undefined) {
      spans.push({ kind: 'code', text: code });
    } else if (strong !== undefined) {
      spans.push({ kind: 'strong', text: unescaped(strong) });
    } else if (emphasis !== undefined) {
      spans.push({ kind: 'emphasis', text: unescaped(emphasis) });
    } else {
      addText(spans, label === undefined ? whole : `${label} (${address})`);
    }
  }
  addText(spans, text.slice(at));
  return spans;
}

function addText(spans: Span[], text: string): void {
  if (text !== '') {
    spans.push({ kind: 'text', text: unescaped(text) });
  }
}

/** A character of Markdown that stands for itself. */
function unescaped(text: string): string {
  return text.replace(new RegExp(ESCAPE, 'g'), escape => escape.slice(1));
}
