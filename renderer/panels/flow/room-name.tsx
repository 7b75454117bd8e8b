import type { RoomId } from '../../../shared/ids.ts';
import { Cut } from '../../components/id.tsx';
import { useKnown } from '../../known.tsx';
import { roomHref } from '../../route.ts';

interface RoomNameProps {
  readonly roomId: RoomId | undefined;
  readonly isLink?: boolean;
}

/** A room by its name, or by its id where it has none or is not ours. */
export function RoomName({ roomId, isLink = false }: RoomNameProps) {
  const { roomName } = useKnown();
  if (roomId === undefined) return null;
  const name = roomName(roomId) ?? (
    <span className="mono">
      <Cut text={roomId} />
    </span>
  );
  return isLink ? (
    <a href={roomHref(roomId)} title={roomId}>
      {name}
    </a>
  ) : (
    <span title={roomId}>{name}</span>
  );
}
