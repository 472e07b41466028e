/**
 * Outputs of a notebook as they may be drawn: only kinds that are listed, each checked.
 *
 * HTML is only told apart here: `safe-html.ts` filters it when it is drawn, together with what
 * Markdown becomes.
 */
import type { Json, JsonObject } from '../wire';
import type { ITable } from './run-values';
import { tableOf } from './run-values';

/** What the server puts in place of something that is too large. */
export const CUT_TYPE = 'application/vnd.flowkernel.cut+json';
export const STDOUT_TYPE = 'application/vnd.jupyter.stdout';
export const STDERR_TYPE = 'application/vnd.jupyter.stderr';

/** Something that was left out for its size. */
export interface ICut {
  readonly mimeType: string;
  readonly bytes: number;
}

/** An output that may be drawn. */
export interface ISafeOutput {
  /** Texts by their mime types; images as base64. */
  readonly data: { readonly [mimeType: string]: string };
  /** Of images: their sizes. */
  readonly metadata: { readonly [mimeType: string]: JsonObject };
  /** A list of records in JSON. */
  readonly table: ITable | null;
  readonly cut: ICut | null;
  /** Mime types that are not drawn here. */
  readonly hidden: readonly string[];
}

type Content = (value: Json) => { readonly [mimeType: string]: string } | null;

const TEXT_TYPES = ['text/html', 'text/markdown', 'text/latex', 'text/plain'];
const IMAGE_TYPES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];

/** By mime type: what it becomes; null: it is not what it says. */
const KNOWN: { readonly [mimeType: string]: Content } = {
  ...byType(TEXT_TYPES, type => value => asText(type, value)),
  ...byType(IMAGE_TYPES, type => value => asImage(type, value)),
  'image/svg+xml': svgImage,
  'application/json': value => ({ 'text/plain': shownJson(value) })
};

/** Kinds that say the same as another one in their bundle, for programs. */
const SILENT = new Set([CUT_TYPE, 'application/vnd.dataresource+json']);

/** An output as a notebook has it. */
export function safeOutput(output: JsonObject): ISafeOutput {
  switch (output['output_type']) {
    case 'stream':
      return textOutput(
        output['name'] === 'stderr' ? STDERR_TYPE : STDOUT_TYPE,
        textOf(output['text'])
      );
    case 'error':
      return textOutput(STDERR_TYPE, errorText(output));
    default:
      return safeBundle(record(output['data']), record(output['metadata']));
  }
}

/** A text that is one kind of text. */
export function textOutput(mimeType: string, text: string): ISafeOutput {
  return {
    data: { [mimeType]: text },
    metadata: {},
    table: null,
    cut: null,
    hidden: []
  };
}

function safeBundle(bundle: JsonObject, metadata: JsonObject): ISafeOutput {
  const data: { [mimeType: string]: string } = {};
  const hidden: string[] = [];
  for (const [type, content] of Object.entries(bundle).sort(byWorth)) {
    const safe = Object.hasOwn(KNOWN, type) ? KNOWN[type]!(content) : null;
    Object.assign(data, safe);
    if (safe === null && !SILENT.has(type)) {
      hidden.push(type);
    }
  }
  const json = bundle['application/json'];
  return {
    data,
    metadata: sizesOf(data, metadata),
    table: json === undefined ? null : tableOf(json),
    cut: cutOf(bundle[CUT_TYPE]),
    hidden
  };
}

/** What becomes the same type: HTML stays instead of a picture, JSON instead of its text. */
function byWorth([one]: [string, Json], [other]: [string, Json]): number {
  return worthOf(one) - worthOf(other);
}

function worthOf(type: string): number {
  return type === 'image/svg+xml' ? 0 : type === 'application/json' ? 2 : 1;
}

function byType(
  types: readonly string[],
  content: (type: string) => Content
): { readonly [mimeType: string]: Content } {
  return Object.fromEntries(types.map(type => [type, content(type)]));
}

function asText(
  type: string,
  value: Json
): { readonly [mimeType: string]: string } | null {
  return typeof value === 'string' || Array.isArray(value)
    ? { [type]: textOf(value) }
    : null;
}

const BASE64 = /^[a-z0-9+/]+={0,2}$/i;

function asImage(
  type: string,
  value: Json
): { readonly [mimeType: string]: string } | null {
  const text = textOf(value).replace(/\s/g, '');
  return BASE64.test(text) ? { [type]: text } : null;
}

/** As an image in HTML: there, nothing in it runs or is requested. */
function svgImage(value: Json): { readonly [mimeType: string]: string } | null {
  const svg = textOf(value);
  return svg.includes('<svg')
    ? {
        'text/html': `<img alt="" src="data:image/svg+xml;base64,${base64(svg)}">`
      }
    : null;
}

/** Characters of a text that are turned at once: each is an argument of a call. */
const PIECE = 8_192;

export function base64(text: string): string {
  const bytes = new TextEncoder().encode(text);
  let binary = '';
  for (let at = 0; at < bytes.length; at += PIECE) {
    binary += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  }
  return btoa(binary);
}

function shownJson(value: Json): string {
  return JSON.stringify(value, null, 2);
}

/** A text of a notebook: in one piece, or line by line. */
function textOf(value: Json | undefined): string {
  return Array.isArray(value)
    ? (value as readonly Json[]).map(textOf).join('')
    : String(value ?? '');
}

function errorText(output: JsonObject): string {
  const traceback = output['traceback'];
  const lines = Array.isArray(traceback)
    ? (traceback as readonly Json[]).map(textOf).join('\n')
    : '';
  return lines || `${textOf(output['ename'])}: ${textOf(output['evalue'])}`;
}

/** Of each image its width and height, if they are numbers. */
function sizesOf(
  data: { readonly [mimeType: string]: string },
  metadata: JsonObject
): { readonly [mimeType: string]: JsonObject } {
  const sizes = IMAGE_TYPES.filter(type => Object.hasOwn(data, type)).map(
    type => {
      const { width, height } = record(metadata[type]);
      const numbers = Object.entries({ width, height }).filter(
        ([, value]) => typeof value === 'number' && value > 0
      );
      return [type, Object.fromEntries(numbers) as JsonObject] as const;
    }
  );
  return Object.fromEntries(sizes);
}

function cutOf(value: Json | undefined): ICut | null {
  const { mime_type, bytes } = record(value);
  return typeof mime_type === 'string' && typeof bytes === 'number'
    ? { mimeType: mime_type, bytes }
    : null;
}

function record(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : {};
}
