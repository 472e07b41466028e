/**
 * Addresses of our pages in Notebook 7, where each page has a tab of the browser.
 *
 * Notebook 7 has a page that shows a file. Without a file it is empty: that is where ours are.
 */

/** Which page: its kind, and what it is about; empty: there is one of its kind. */
export interface IPageAddress {
  readonly kind: string;
  readonly key: string;
}

/** The page of Notebook 7 that is empty if its address names no file. */
export const EMPTY_PAGE = 'edit';
const KIND = 'flowkernel';
const KEY = 'id';

/** @param baseUrl That of Jupyter Server, with a slash at its end. */
export function pageUrl(baseUrl: string, address: IPageAddress): string {
  const { kind, key } = address;
  const query = new URLSearchParams({
    [KIND]: kind,
    ...(key === '' ? {} : { [KEY]: key })
  });
  return `${baseUrl}${EMPTY_PAGE}?${query.toString()}`;
}

/** @param search The query of an address; null: it is of no page of ours. */
export function pageIn(search: string): IPageAddress | null {
  const query = new URLSearchParams(search);
  const kind = query.get(KIND);
  return kind === null ? null : { kind, key: query.get(KEY) ?? '' };
}
