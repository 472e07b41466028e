import { describe, expect, it } from 'vitest';

import { pageIn, pageUrl } from './page-address';

const BASE = 'http://127.0.0.1:8888/user/x/';

describe('the address of a page', () => {
  it.each([
    { kind: 'home', key: '' },
    { kind: 'run', key: '0196f8d2' },
    { kind: 'message', key: 'a b&id=c/?#%' }
  ])('%o is read from it again', address => {
    expect(pageIn(new URL(pageUrl(BASE, address)).search)).toEqual(address);
  });

  it('is under the base URL, and names no file', () => {
    const { pathname } = new URL(pageUrl(BASE, { kind: 'run', key: '/a' }));

    expect(pathname).toBe('/user/x/edit');
  });

  it('is not any other address', () => {
    expect(pageIn('?token=a&id=b')).toBeNull();
  });
});
