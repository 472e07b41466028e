import { describe, expect, it } from 'vitest';

import type { Json, JsonObject } from '../wire';
import { base64, CUT_TYPE, safeOutput, STDERR_TYPE, STDOUT_TYPE } from './mime';

function display(data: JsonObject, metadata: JsonObject = {}) {
  return safeOutput({ output_type: 'display_data', data, metadata });
}

const PNG = 'iVBORw0KGgo=';

describe('safeOutput', () => {
  it.each([
    'application/javascript',
    'text/javascript',
    'application/vnd.vega.v5+json',
    'application/vnd.vegalite.v5+json',
    'application/vnd.plotly.v1+json',
    'application/vnd.bokehjs_exec.v0+json',
    'application/vnd.jupyter.widget-view+json',
    'application/geo+json',
    'application/pdf',
    'text/vnd.mermaid',
    'image/svg',
    'constructor',
    '__proto__'
  ])('draws no %s, says so, and keeps the text', type => {
    const data = JSON.parse(
      `{"text/plain": "a chart", ${JSON.stringify(type)}: {"url": "http://x/"}}`
    ) as JsonObject;

    const { data: safe, hidden } = display(data);

    expect(safe).toEqual({ 'text/plain': 'a chart' });
    expect(hidden).toEqual([type]);
  });

  it('keeps texts and images, and nothing but the sizes of their metadata', () => {
    const output = display(
      { 'image/png': `${PNG}\n`, 'text/html': ['<b>', 'a</b>'] },
      {
        isolated: true,
        'text/html': { isolated: true },
        'image/png': { width: 20, height: '9;url(x)', unconfined: true }
      }
    );

    expect(output.data).toEqual({ 'image/png': PNG, 'text/html': '<b>a</b>' });
    expect(output.metadata).toEqual({ 'image/png': { width: 20 } });
  });

  it.each([
    'http://elsewhere/x.png',
    '"><script>alert(1)</script>',
    '',
    '../api/kernels'
  ])('draws no image that is none: %s', text => {
    const { data, hidden } = display({ 'image/png': text });

    expect(data).toEqual({});
    expect(hidden).toEqual(['image/png']);
  });

  it('draws SVG as an image, where nothing in it runs', () => {
    const svg = '<svg><script>alert("ü")</script></svg>';

    const { data } = display({ 'image/svg+xml': svg, 'text/plain': 'x' });

    expect(data['text/html']).toBe(
      `<img alt="" src="data:image/svg+xml;base64,${base64(svg)}">`
    );
    expect(Buffer.from(base64(svg), 'base64').toString()).toBe(svg);
  });

  it.each([
    [{ 'image/svg+xml': '<svg/>', 'text/html': 'a' }, 'text/html', 'a'],
    [{ 'text/html': 'a', 'image/svg+xml': '<svg/>' }, 'text/html', 'a'],
    [{ 'text/plain': 'a', 'application/json': 1 }, 'text/plain', '1'],
    [{ 'application/json': 1, 'text/plain': 'a' }, 'text/plain', '1']
  ] as [JsonObject, string, string][])(
    'has the better of two, in any order: %j',
    (bundle, type, text) => {
      expect(display(bundle).data[type]).toBe(text);
    }
  );

  it('has a table where there are records', () => {
    const { table } = display({ 'application/json': [{ a: 1 }, { a: 2 }] });

    expect(table?.columns).toEqual(['a']);
    expect(table?.total).toBe(2);
  });

  it('says what was cut', () => {
    const { data, cut, hidden } = display({
      'text/plain': 'a chart',
      [CUT_TYPE]: { bytes: 20_000_000, mime_type: 'text/html' }
    });

    expect(data).toEqual({ 'text/plain': 'a chart' });
    expect(cut).toEqual({ bytes: 20_000_000, mimeType: 'text/html' });
    expect(hidden).toEqual([]);
  });

  it.each([
    [
      { output_type: 'stream', name: 'stdout', text: ['a\n', 'b'] },
      STDOUT_TYPE,
      'a\nb'
    ],
    [{ output_type: 'stream', name: 'stderr', text: 'a' }, STDERR_TYPE, 'a'],
    [
      {
        output_type: 'error',
        ename: 'E',
        evalue: 'why',
        traceback: ['a', 'b']
      },
      STDERR_TYPE,
      'a\nb'
    ],
    [
      { output_type: 'error', ename: 'E', evalue: 'why', traceback: [] },
      STDERR_TYPE,
      'E: why'
    ],
    [{ output_type: 'stream', name: 'x', text: null }, STDOUT_TYPE, '']
  ] as [JsonObject, string, string][])('reads %j', (output, type, text) => {
    expect(safeOutput(output).data).toEqual({ [type]: text });
  });

  it.each([{}, { data: 3 }, { data: [] }, { data: { 'text/plain': 3 } }] as {
    [name: string]: Json;
  }[])('survives what is no output: %j', output => {
    expect(safeOutput(output).data).toEqual({});
  });
});
