import type { Overview } from '../../shared/views.ts';
import { useConnection } from '../connection.tsx';
import { bytes, count, plural } from '../format.ts';
import { useKnown } from '../known.tsx';
import { logHref, type Route } from '../route.ts';
import { Icon, type IconName } from './icon.tsx';
import { Mark } from './mark.tsx';
import { ThemeSwitch } from './theme-switch.tsx';

const modes: Readonly<Record<Overview['federationMode'], string>> = {
  closed: 'Federation is closed',
  allowlist: 'Federates with some',
  open: 'Federates with all',
};

/** The way to every screen, and how many things are behind each. */
export function Rail({ screen }: { readonly screen: Route['screen'] }) {
  const { overview, rooms, peers } = useKnown();
  const failing = peers.data?.filter(({ status }) => status === 'backingOff').length ?? 0;
  return (
    <nav className="rail" aria-label="Hearth">
      <a className="rail-brand" href="#/" tabIndex={-1}>
        <Mark />
        <span className="t">Hearth</span>
      </a>
      <OwnServer overview={overview.data} />
      <Place icon="overview" name="Overview" href="#/" isCurrent={screen === 'overview'} />
      <Place
        icon="rooms"
        name="Rooms"
        href="#/rooms"
        isCurrent={screen === 'room' || screen === 'rooms' || screen === 'event'}
      >
        {rooms.data !== undefined && <span className="n">{count(rooms.data.length)}</span>}
      </Place>
      <Place icon="peers" name="Peers" href="#/peers" isCurrent={screen === 'peer' || screen === 'peers'}>
        {failing > 0 ? (
          <span className="n is-bad" title={`${plural(failing, 'peer does', 'peers do')} not answer`}>
            <Icon name="bad" small />
            {count(failing)}
            <span className="sr"> do not answer</span>
          </span>
        ) : (
          peers.data !== undefined && <span className="n">{count(peers.data.length)}</span>
        )}
      </Place>
      <Place icon="keys" name="Keys" href="#/keys" isCurrent={screen === 'keys'} />
      <Place icon="log" name="Federation log" href={logHref('')} isCurrent={screen === 'log'} />
      <div className="rail-foot">
        {overview.data !== undefined && <Recording storage={overview.data.storage} />}
        <ThemeSwitch />
      </div>
    </nav>
  );
}

interface PlaceProps {
  readonly icon: IconName;
  readonly name: string;
  readonly href: string;
  readonly isCurrent: boolean;
  readonly children?: React.ReactNode;
}

function Place({ icon, name, href, isCurrent, children }: PlaceProps) {
  return (
    <a className="nav" href={href} title={name} aria-current={isCurrent ? 'page' : undefined}>
      <Icon name={icon} />
      <span className="t">{name}</span>
      {children}
    </a>
  );
}

function OwnServer({ overview }: { readonly overview: Overview | undefined }) {
  const { state } = useConnection();
  const name = overview?.serverName ?? 'No name yet';
  const mode = overview === undefined ? '' : modes[overview.federationMode];
  const words = state === 'open' ? mode : state === 'lost' ? 'Not connected' : 'Connecting…';
  const kind = state === 'open' ? (overview?.verdict.kind ?? 'mute') : 'mute';
  return (
    <a className="rail-server" href="#/" title={`${name}: ${words}`} tabIndex={-1}>
      <span className={`dot is-${kind}`} />
      <b>{name}</b>
      <small>{words}</small>
    </a>
  );
}

function Recording({ storage }: { readonly storage: Overview['storage'] }) {
  return (
    <p className="rail-note">
      Recording requests
      <br />
      {bytes(storage.inspectorBytes)} of {bytes(storage.inspectorCapBytes)}
    </p>
  );
}
