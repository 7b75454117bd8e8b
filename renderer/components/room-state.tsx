import type { RoomSummary } from '../../shared/views.ts';
import { count } from '../format.ts';
import { Status } from './status.tsx';

/** Whether a room is whole, has a gap, or is being joined: how far, if so; or that we are not in it. */
export function RoomState({ room }: { readonly room: Pick<RoomSummary, 'state' | 'progress' | 'membership'> }) {
  const { state, progress, membership } = room;
  if (state !== 'joining' && membership !== 'join') return <Outside membership={membership} />;
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

function Outside({ membership }: { readonly membership: Exclude<RoomSummary['membership'], 'join'> }) {
  if (membership === 'leave') return <Status kind="mute">left</Status>;
  return <Status kind="info">{membership === 'invite' ? 'invited' : 'knocking'}</Status>;
}
