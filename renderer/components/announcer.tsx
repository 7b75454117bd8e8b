import { useEffect, useRef, useState } from 'react';
import { flowState } from '../../shared/flow.ts';
import type { FlowList } from '../flow-list.ts';
import { plural } from '../format.ts';

/** Often enough to follow, rarely enough not to talk over everything. */
const every = 10_000;

/** Tells those who do not see the log what came into it: "12 new requests, 1 failed". */
export function Announcer({ list }: { readonly list: FlowList }) {
  const [words, setWords] = useState('');
  const latest = useRef(list);
  latest.current = list;
  useEffect(() => {
    let heard = latest.current;
    const timer = setInterval(() => {
      const { total, shown, held } = latest.current;
      const many = total - heard.total;
      if (many > 0) {
        const failed = [...held, ...shown].slice(0, many).filter((flow) => flowState(flow) === 'failed').length;
        setWords(`${plural(many, 'new request')}${failed > 0 ? `, ${failed} failed` : ''}`);
      }
      heard = latest.current;
    }, every);
    return () => clearInterval(timer);
  }, []);
  return (
    <span className="sr" role="status">
      {words}
    </span>
  );
}
