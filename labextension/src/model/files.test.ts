import { describe, expect, it } from 'vitest';

import type { IFileSignature } from '../wire';
import { fileStart, isRunnable, shownPath, startsAtOnce } from './files';

function aSignature(isRequired: boolean): IFileSignature {
  const day = {
    name: 'day',
    type: null,
    is_required: isRequired,
    default: null,
    default_source: null,
    help: ''
  };
  return {
    name: 'report',
    kind: 'NOTEBOOK',
    parameters: [day],
    takes_others: false,
    problem: null
  };
}

describe('a file', () => {
  it('has the path that Jupyter has, if Jupyter shows it', () => {
    expect(shownPath('/home/ada/a/b.py', '/home/ada')).toBe('a/b.py');
    expect(shownPath('/home/ada/b.py', '/home/ada/')).toBe('b.py');
    expect(shownPath('/b.py', '/')).toBe('b.py');
    expect(shownPath('/home/adam/b.py', '/home/ada')).toBeNull();
    expect(shownPath('/home/ada/b.py', '')).toBeNull();
    expect(shownPath(null, '/home/ada')).toBeNull();
  });

  it.each([
    ['a/report.ipynb', true],
    ['Report.PY', true],
    ['notes.md', false],
    ['py', false]
  ])('%s can run: %s', (path, isFlow) => {
    expect(isRunnable(path)).toBe(isFlow);
  });

  it('starts at once if nothing must be filled in', () => {
    expect(startsAtOnce(aSignature(false))).toBe(true);
    expect(startsAtOnce(aSignature(true))).toBe(false);
  });

  it('is started through the wrapper that asks, if a person is to be asked', () => {
    const request = {
      inputs: {},
      texts: {},
      name: null,
      asksPerson: true,
      keepsKernel: false,
      using: []
    };

    expect(fileStart('a.py', request)).toEqual({
      path: 'a.py',
      inputs: {},
      texts: {},
      using: [{ name: 'interactive', inputs: {} }],
      is_interactive: true
    });
    expect(
      fileStart('a.py', { ...request, name: 'night', asksPerson: false })
    ).toEqual({
      path: 'a.py',
      inputs: {},
      texts: {},
      name: 'night',
      is_interactive: false
    });
  });

  it('keeps its kernel after the end, if that was chosen', () => {
    const request = { inputs: {}, texts: {}, name: null };

    const start = fileStart('a.py', {
      ...request,
      asksPerson: false,
      keepsKernel: true,
      using: []
    });

    expect(start.keep_kernel).toBe(true);
  });
});
