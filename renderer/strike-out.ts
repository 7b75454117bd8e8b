/** A secret that stood here. It was struck out when the request was recorded; this makes sure. */
export const struckOut = Symbol('struck out');

/** A header's value in parts, its signature or token taken out. */
export function strikeOut(name: string, value: string): readonly (string | typeof struckOut)[] {
  if (!/^(proxy-)?authorization$/i.test(name)) return /^(set-)?cookie$/i.test(name) ? [struckOut] : [value];
  if (!/^X-Matrix\s/i.test(value)) return [/^\S+/.exec(value)?.[0] ?? '', ' ', struckOut];
  const sig = /(\bsig\s*=\s*"?)([^",]*)/i.exec(value);
  if (sig === null) return [value];
  const [all, before = ''] = sig;
  return [value.slice(0, sig.index) + before, struckOut, value.slice(sig.index + all.length)];
}
