import type { Flow } from '../shared/flow.ts';
import { strikeOut } from './strike-out.ts';

/**
 * A request as a command, for a shell. What would let it be replayed is left out: an X-Matrix header carries no time and
 * no nonce, so whoever has one with its signature may use it for as long as the key lives. The body is a file of one's own.
 */
export function asCurl(flow: Flow, ownName: string): string {
  const host = flow.direction === 'inbound' ? ownName : (flow.peer ?? ownName);
  const parts = [`curl -X ${quote(flow.method)} ${quote(`https://${host}${flow.uri}`)}`];
  for (const [name, value] of Object.entries(flow.requestHeaders)) {
    if (/^(content-length|host|connection|accept-encoding)$/i.test(name)) continue;
    const text = strikeOut(name, value).map((part) => (typeof part === 'string' ? part : 'REDACTED'));
    parts.push(`-H ${quote(`${name}: ${text.join('')}`)}`);
  }
  if (flow.requestBody !== undefined && flow.requestBody !== '') parts.push("--data-binary '@body.json'");
  return parts.join(' \\\n  ');
}

/** For a POSIX shell: nothing in it is expanded, whatever a peer wrote. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''").replaceAll('\0', '')}'`;
}
