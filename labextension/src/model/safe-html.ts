/**
 * HTML of somebody else, so that nothing in it runs, is requested, or leaves its place.
 *
 * It goes through two filters. Lab's sanitizer parses it and keeps what the lists here name
 * (`SANITIZER_OPTIONS`). What it writes has one form only: tags in lower case, attributes in
 * double quotes, and no other `<`. The second filter (`safeHtml`) accepts that form and checks
 * each tag, address, class and style once more; any other `<` becomes text. So it neither
 * parses HTML as browsers do, nor trusts what another version of Lab lets through.
 */

const TAGS: ReadonlySet<string> = new Set(
  (
    'a abbr b bdi bdo big blockquote br caption center cite code col colgroup dd del details ' +
    'dfn div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s ' +
    'samp small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ' +
    'ul var wbr'
  ).split(' ')
);

const COMMON = ['class', 'dir', 'lang', 'style', 'title'];
const OWN: { readonly [tag: string]: readonly string[] } = {
  a: ['href'],
  details: ['open'],
  img: ['alt', 'height', 'src', 'width'],
  li: ['value'],
  ol: ['start', 'type'],
  td: ['align', 'colspan', 'rowspan'],
  th: ['align', 'colspan', 'rowspan', 'scope']
};

/** A colour, a length, a word, a list of them: no function but those of colours. */
const VALUE =
  /^(?:(?:rgba?|hsla?)\([\d\s.,%/]{1,60}\)|#[\da-f]{3,8}|[\w.%+-]{1,40})(?:[\s,]+(?:(?:rgba?|hsla?)\([\d\s.,%/]{1,60}\)|#[\da-f]{3,8}|[\w.%+-]{1,40})){0,7}$/i;

const STYLES: ReadonlySet<string> = new Set(
  (
    'background-color border border-bottom border-collapse border-color border-left ' +
    'border-right border-style border-top border-width color font-style font-weight ' +
    'padding padding-bottom padding-left padding-right padding-top text-align ' +
    'text-decoration vertical-align white-space'
  ).split(' ')
);

/** What Lab's sanitizer is told to keep. */
export const SANITIZER_OPTIONS: {
  allowedTags: string[];
  allowedAttributes: { [tag: string]: string[] };
  allowedStyles: { [tag: string]: { [name: string]: RegExp[] } };
} = {
  allowedTags: [...TAGS],
  allowedAttributes: {
    '*': COMMON,
    ...Object.fromEntries(
      Object.entries(OWN).map(([tag, names]) => [tag, [...names]])
    )
  },
  allowedStyles: {
    '*': Object.fromEntries([...STYLES].map(name => [name, [VALUE]]))
  }
};

const TAG = /<(\/?)([a-z][a-z0-9]*)((?: [a-z][a-z-]*(?:="[^"<>]*")?)*) ?\/?>/g;
const ATTRIBUTE = / ([a-z][a-z-]*)(?:="([^"<>]*)")?/g;

/** The second filter: of what the sanitizer wrote, what can be drawn. */
export function safeHtml(sanitized: string): string {
  let safe = '';
  let at = 0;
  for (const match of sanitized.matchAll(TAG)) {
    const [whole, slash, tag, attributes] = match;
    safe += asText(sanitized.slice(at, match.index));
    safe += slash ? endTag(tag!) : startTag(tag!, attributes!);
    at = match.index + whole.length;
  }
  return safe + asText(sanitized.slice(at));
}

/** It has entities already: only what could begin a tag is left. */
function asText(text: string): string {
  return text.replaceAll('<', '&lt;');
}

function endTag(tag: string): string {
  return TAGS.has(tag) ? `</${tag}>` : '';
}

function startTag(tag: string, written: string): string {
  if (!TAGS.has(tag)) {
    return '';
  }
  const attributes = [...written.matchAll(ATTRIBUTE)].flatMap(
    ([, name, value]) => safeAttribute(tag, name!, value ?? '')
  );
  const names = attributes.map(([name]) => name);
  if (tag === 'img' && !names.includes('src')) {
    // The image is elsewhere: its description stays.
    return attributes.find(([name]) => name === 'alt')?.[1] ?? '';
  }
  if (names.includes('href')) {
    attributes.push(['target', '_blank'], ['rel', 'noopener noreferrer']);
  }
  const text = attributes.map(([name, value]) => ` ${name}="${value}"`);
  return `<${tag}${text.join('')}>`;
}

type Attribute = readonly [name: string, value: string];

/** The attribute as it may be, or nothing. Its value has its entities. */
function safeAttribute(
  tag: string,
  name: string,
  value: string
): readonly Attribute[] {
  if (!COMMON.includes(name) && !OWN[tag]?.includes(name)) {
    return [];
  }
  const kept = keptValue(name, value);
  return kept === '' && name !== 'open' && name !== 'alt' ? [] : [[name, kept]];
}

/** Empty: it may not be there. */
function keptValue(name: string, value: string): string {
  switch (name) {
    case 'class':
      return value.split(/\s+/).filter(isHarmlessClass).join(' ');
    case 'href':
      return LINK.test(value) ? value : '';
    case 'src':
      return IMAGE.test(value) ? value : '';
    case 'style':
      return safeStyle(value);
    default:
      return value;
  }
}

/** Addresses that a person may follow; none is requested before. */
const LINK = /^(?:https?:\/\/|mailto:)[^\s\\]+$/i;
/** Images that are in the output itself. In an image, SVG neither runs nor requests anything. */
const IMAGE =
  /^data:image\/(?:png|jpeg|gif|webp|svg\+xml);base64,[a-z0-9+/]+={0,2}$/i;
/** Those of tables, of colours in terminals, and of code: others could take Lab's look. */
const CLASS = /^(?:dataframe|ansi-[a-z-]+|language-[\w-]+|\u037c[\da-z]+)$/;

function isHarmlessClass(name: string): boolean {
  return CLASS.test(name);
}

function safeStyle(style: string): string {
  return style
    .split(';')
    .map(part => part.split(':').map(text => text.trim()))
    .filter(
      ([name, value, ...more]) =>
        more.length === 0 &&
        STYLES.has(name?.toLowerCase() ?? '') &&
        VALUE.test(value ?? '')
    )
    .map(([name, value]) => `${name}: ${value}`)
    .join('; ');
}

/** TeX that would make links or styles, or define words: it stays as it is written. */
const BOLD_TEX =
  /\\(?:href|url|class|style|cssId|data|mmlToken|require|bbox|csname|x?def|[eg]def|let|(?:re)?newcommand|(?:re)?newenvironment|providecommand|DeclareMathOperator|texttip|mathtip|toggle|includegraphics|img)/i;

/** Whether formulas may be drawn in this text. */
export function isHarmlessTex(text: string): boolean {
  return !BOLD_TEX.test(text);
}

/** Markdown without diagrams: drawing one could request images. */
export function withoutDiagrams(markdown: string): string {
  return markdown.replace(/((?:`{3}|~{3})[^\n\r]*?)mermaid/gi, '$1diagram');
}
