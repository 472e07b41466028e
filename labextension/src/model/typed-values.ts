/** What a word means that is typed for a name, as on a command line. */
import type { Json } from '../wire';

const WORDS: { readonly [word: string]: Json } = {
  true: true,
  false: false,
  none: null,
  null: null
};
const WHOLE = /^[+-]?\d+$/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * A constant, a number, JSON in brackets or quotes, or else the text itself; undefined: it begins
 * like JSON and is none, or is a whole number that JavaScript cannot hold exactly.
 */
export function typedValue(typed: string): Json | undefined {
  const text = typed.trim();
  const word = text.toLowerCase();
  if (Object.hasOwn(WORDS, word)) {
    return WORDS[word];
  }
  if (NUMBER.test(text) && Number.isFinite(Number(text))) {
    const value = Number(text);
    return WHOLE.test(text) && !Number.isSafeInteger(value) ? undefined : value;
  }
  return looksLikeJson(text) ? parsed(text) : text;
}

function looksLikeJson(text: string): boolean {
  return /^".*"$/s.test(text) || text.startsWith('{') || text.startsWith('[');
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
