import { describe, expect, it } from 'vitest';

import { isHarmlessTex, withoutDiagrams } from './safe-html';

describe('isHarmlessTex', () => {
  it.each([
    '$\\frac{1}{2} \\leq \\left( x \\right)$',
    '\\begin{align} a &= b \\end{align}',
    'no formula'
  ])('takes formulas: %s', text => {
    expect(isHarmlessTex(text)).toBe(true);
  });

  it.each([
    '$\\href{javascript:alert(1)}{x}$',
    '$\\mmlToken{mi}[href="javascript:alert(1)"]{x}$',
    '$\\bbox[position:fixed;inset:0]{x}$',
    '$\\style{position:fixed}{x}$',
    '$\\def\\x#1{#1}$',
    '$\\require{html}$',
    '$\\class{jp-Dialog}{x}$'
  ])('takes no links, styles or definitions: %s', text => {
    expect(isHarmlessTex(text)).toBe(false);
  });
});

describe('withoutDiagrams', () => {
  it.each([
    '```mermaid\nflowchart\n```',
    '> - ~~~~ mermaid\n> a',
    '```` \tmermaid\r\na\n````',
    '* ```mermaid'
  ])('draws none: %j', text => {
    expect(withoutDiagrams(text)).not.toMatch(/[`~]{3}[^\n]*mermaid/);
  });

  it('leaves the word elsewhere', () => {
    expect(withoutDiagrams('a `mermaid` and a mermaid')).toBe(
      'a `mermaid` and a mermaid'
    );
  });
});
