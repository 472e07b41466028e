/** The header with which a list says where it goes on. */

/** The path of the next page, relative to `flowkernel/`, in the header `Link`. */
export function nextPath(link: string | null): string | null {
  const target = /<([^>]+)>;\s*rel="next"/.exec(link ?? '')?.[1];
  const path = /(?:^|\/)(?:flowkernel\/api|api\/latest)\/(.*)$/.exec(
    target ?? ''
  )?.[1];
  return path === undefined ? null : `api/${path}`;
}
