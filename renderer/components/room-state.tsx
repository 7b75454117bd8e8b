import type { RoomSummary } from '../../shared/views.ts';
import { count } from '../format.ts';
import { Status } from './status.tsx';

/** Whether a room is whole, has a gap, or is being joined: how far, if so. */
export function RoomState({ room }: { readonly room: Pick<RoomSummary, 'state' | 'progress'> }) {
  const { state, progress } = room;
  if (state === 'ok') return <Status kind="ok">ok</Status>;
  if (state === 'gap') return <Status kind="warn">gap</Status>;
  return (
    <Status kind="info">
      {progress === undefined
        ? 'joining'
        : `${progress.phase} ${count(progress.done)}${progress.total === undefined ? '' : ` of ${count(progress.total)}`}`}
    </Status>
  );
}
