import { describe, expect, it } from 'vitest';

import { blocksOf } from './markdown';

describe('Markdown of a message', () => {
  it('has paragraphs, lists, headings and code', () => {
    const blocks = blocksOf(
      '# Title\nThe shop\nis **closed**.\n\n- one\n- `two`\n```py\nx < 1\n\n```\nend'
    );

    expect(blocks.map(block => block.kind)).toEqual([
      'heading',
      'paragraph',
      'list',
      'code',
      'paragraph'
    ]);
    expect(blocks[1]).toEqual({
      kind: 'paragraph',
      spans: [
        { kind: 'text', text: 'The shop is ' },
        { kind: 'strong', text: 'closed' },
        { kind: 'text', text: '.' }
      ]
    });
    expect(blocks[3]).toEqual({ kind: 'code', text: 'x < 1\n' });
  });

  it.each([
    ['<script>alert(1)</script>', '<script>alert(1)</script>'],
    ['![x](http://elsewhere/a.png)', 'x (http://elsewhere/a.png)'],
    ['[go](javascript:alert(1))', 'go (javascript:alert(1)'],
    ['a\\*b', 'a*b']
  ])('is text where it could do something: %s', (markdown, text) => {
    const [block] = blocksOf(markdown);

    const spans = block?.kind === 'paragraph' ? block.spans : [];
    expect(spans.every(span => span.kind === 'text')).toBe(true);
    expect(spans.map(span => span.text).join('')).toContain(text);
  });

  it.each([
    [
      '**Cell 2 (total = 3 \\* amount): no**',
      'Cell 2 (total = 3 * amount): no'
    ],
    ['**3 * amount**', '3 * amount'],
    ['**a\\\\b\\_c \\d**', 'a\\b_c \\d']
  ])('is strong to its end, with stars in it: %s', (markdown, text) => {
    const spans = [{ kind: 'strong', text }];
    expect(blocksOf(markdown)).toEqual([{ kind: 'paragraph', spans }]);
  });

  it('takes the star of a product for no emphasis', () => {
    const spans = [{ kind: 'text', text: '3 * 4 * 5' }];
    expect(blocksOf('3 * 4 * 5')).toEqual([{ kind: 'paragraph', spans }]);
  });

  it('is read at once, however many stars are left open', () => {
    const [block] = blocksOf('**\\*a '.repeat(2_000));
    expect(block?.kind).toBe('paragraph');
  });

  it('ends with its text, whatever is left open', () => {
    expect(blocksOf('```\nx')).toEqual([{ kind: 'code', text: 'x' }]);
    expect(blocksOf('**x')).toEqual([
      { kind: 'paragraph', spans: [{ kind: 'text', text: '**x' }] }
    ]);
  });
});
